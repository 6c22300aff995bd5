/**
 * Layer normalization over the axes from `axis` to the last: (x − mean)/sqrt(variance + epsilon)·gamma + beta.
 * On integers I-ViT's I-LayerNorm with a mean that keeps `fractionBits` and an exact square root (sim/scalar/layer-norm.ts).
 */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { integerAttribute, shapeError, shapeText } from './attributes.js';
import { dspLayerNorm } from './dsp/layer-norm.js';
import { boundLayerNorm, instantiateLayerNorm, lowerLayerNorm, verifyLayerNorm } from './layer-norm-integer.js';
import { requireInputs } from './linear/float.js';
import { mveLayerNorm } from './mve/layer-norm.js';
import { shiftLayerNorm } from './shift/layer-norm.js';

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 1, 3);
  const [x, ...parameters] = inputs;
  const axis = integerAttribute(node, 'axis', 0);
  if (axis >= x.shape.length) throw shapeError(node, `axis ${axis} is outside the input ${shapeText(x.shape)}`);
  const normalized = x.shape.slice(axis);
  for (const parameter of parameters) {
    if (shapeText(parameter.shape) !== shapeText(normalized)) {
      throw shapeError(node, `gamma and beta must have shape ${shapeText(normalized)}, not ${shapeText(parameter.shape)}`);
    }
  }
  return [x.shape];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, gamma, beta] = inputs;
  const first = integerAttribute(node, 'axis', 0) + (x.constant ? 0 : 1);
  const axes = x.value.shape.map((_, i) => i).slice(first);
  const centered = tf.sub(x.value, tf.mean(x.value, axes, true));
  const variance = tf.mean(tf.mul(centered, centered), axes, true);
  const normal = tf.div(centered, tf.sqrt(tf.add(variance, tf.scalar(node.attributes['epsilon'] as number))));
  const scaled = gamma ? tf.mul(normal, gamma.value) : normal;
  return [beta ? tf.add(scaled, beta.value) : scaled];
}

export const layerNorm = defineOperator({
  name: 'layer-norm',
  float: { inferShapes, evaluate, lower: lowerLayerNorm },
  integer: {
    verify: verifyLayerNorm,
    bounds: boundLayerNorm,
    kernels: [shiftLayerNorm(instantiateLayerNorm), mveLayerNorm(instantiateLayerNorm), dspLayerNorm(instantiateLayerNorm), { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiateLayerNorm(group[0]!, graph) }],
  },
});
