/** Fully connected layer on the last axis: x [..., K], weights [O, K] → [..., O]. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { shapeError, shapeText } from './linear/attributes.js';
import { finish, requireInputs, requireRank, requireVector } from './linear/float.js';

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireRank(node, weights, 2, 'the weights');
  if (x.shape.length < 1 || x.shape[x.shape.length - 1] !== weights.shape[1]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit the last axis of the input ${shapeText(x.shape)}`);
  }
  requireVector(node, bias, weights.shape[0], 'the bias');
  return [[...x.shape.slice(0, -1), weights.shape[0]]];
}

function evaluate(node: FloatNode, { inputs, batch, outputShapes }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const [outputs, depth] = weights.shape;
  const rows = tf.reshape(x.value, [-1, depth]) as tf.Tensor2D;
  // Transpose flags of matMul bypass the fast path of the wasm backend.
  const product = tf.matMul(rows, tf.transpose(weights.value as tf.Tensor2D));
  const leading = x.constant ? [] : [batch];
  return [tf.reshape(finish(product, bias?.value, node), [...leading, ...outputShapes[0].slice(0, -1), outputs])];
}

export const dense = defineOperator({
  name: 'dense',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * inputs[1].shape[1],
    weights: { input: 1, channelAxis: 0, bias: 2 },
  },
});
