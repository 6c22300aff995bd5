/** Batch normalization at inference: x·scale + shift, one pair a channel of the last axis. */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { shapeError } from './attributes.js';
import { requireInputs, requireVector } from './linear/float.js';

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 3, 3);
  const [x, scale, shift] = inputs;
  if (x.shape.length < 1) throw shapeError(node, 'the input must have a channel axis');
  const channels = x.shape[x.shape.length - 1];
  requireVector(node, scale, channels, 'the scale');
  requireVector(node, shift, channels, 'the shift');
  return [x.shape];
}

function evaluate(_node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, scale, shift] = inputs;
  return [tf.add(tf.mul(x.value, scale.value), shift.value)];
}

export const batchNorm = defineOperator({ name: 'batch-norm', float: { inferShapes, evaluate } });
