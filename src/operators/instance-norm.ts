/** Instance normalization: every channel of the last axis over all other axes of its sample. */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { shapeError, shapeText } from './attributes.js';
import { requireInputs, requireVector } from './linear/float.js';

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 3, 3);
  const [x, gamma, beta] = inputs;
  if (x.shape.length < 2) throw shapeError(node, `the input must have channels and at least one more axis, not shape ${shapeText(x.shape)}`);
  const channels = x.shape[x.shape.length - 1];
  requireVector(node, gamma, channels, 'gamma');
  requireVector(node, beta, channels, 'beta');
  return [x.shape];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, gamma, beta] = inputs;
  const axes = x.value.shape.map((_, i) => i).slice(x.constant ? 0 : 1, -1);
  const centered = tf.sub(x.value, tf.mean(x.value, axes, true));
  const variance = tf.mean(tf.mul(centered, centered), axes, true);
  const normal = tf.div(centered, tf.sqrt(tf.add(variance, tf.scalar(node.attributes['epsilon'] as number))));
  return [tf.add(tf.mul(normal, gamma.value), beta.value)];
}

export const instanceNorm = defineOperator({ name: 'instance-norm', float: { inferShapes, evaluate } });
