/**
 * Group normalization: (x − mean)/sqrt(variance + epsilon)·gamma + beta of the last axis' channels in equal groups of neighbours,
 * mean and variance of a group over its channels and all other axes. Instance normalization has one group a channel.
 * On integers the arithmetic of layer-norm (sim/scalar/layer-norm.ts).
 */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { integerAttribute, shapeError, shapeText } from './attributes.js';
import { dspGroupNorm } from './dsp/group-norm.js';
import { boundLayerNorm } from './layer-norm-integer.js';
import { instantiateGroupNorm, lowerGroupNorm, verifyGroupNorm } from './group-norm-integer.js';
import { requireInputs, requireVector } from './linear/float.js';
import { shiftGroupNorm } from './shift/group-norm.js';

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 3, 3);
  const [x, gamma, beta] = inputs;
  if (x.shape.length < 2) throw shapeError(node, `the input must have channels and at least one more axis, not shape ${shapeText(x.shape)}`);
  const channels = x.shape[x.shape.length - 1];
  requireVector(node, gamma, channels, 'gamma');
  requireVector(node, beta, channels, 'beta');
  const groups = integerAttribute(node, 'groups', 1);
  if (channels % groups !== 0) throw shapeError(node, `${channels} channels do not make ${groups} equal groups`);
  return [x.shape];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, gamma, beta] = inputs;
  const { shape } = x.value;
  const [samples, channels] = [x.constant ? 1 : shape[0]!, shape[shape.length - 1]!];
  const groups = integerAttribute(node, 'groups', 1);
  const grouped = tf.reshape(x.value, [samples, x.value.size / samples / channels, groups, channels / groups]);
  const centered = tf.sub(grouped, tf.mean(grouped, [1, 3], true));
  const variance = tf.mean(tf.mul(centered, centered), [1, 3], true);
  const normal = tf.div(centered, tf.sqrt(tf.add(variance, tf.scalar(node.attributes['epsilon'] as number))));
  return [tf.add(tf.mul(tf.reshape(normal, shape), gamma.value), beta.value)];
}

export const groupNorm = defineOperator({
  name: 'group-norm',
  float: { inferShapes, evaluate, lower: lowerGroupNorm },
  integer: {
    verify: verifyGroupNorm,
    bounds: boundLayerNorm,
    kernels: [shiftGroupNorm(instantiateGroupNorm), dspGroupNorm(instantiateGroupNorm), { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiateGroupNorm(group[0]!, graph) }],
  },
});
