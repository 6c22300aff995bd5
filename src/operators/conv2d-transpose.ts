/** Transposed two-dimensional convolution, channels last. Attributes: docs/operators.md. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { integerList, shapeError, shapeText } from './linear/attributes.js';
import { convolveTransposed, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { transposedGeometry, type Geometry } from './linear/geometry.js';

function geometryOf(node: FloatNode, shapes: readonly (readonly number[])[]): Geometry {
  const [input, weights] = shapes;
  return transposedGeometry(node, { input, kernel: [weights[1], weights[2]], outputChannels: weights[0], pad: integerList(node, 'pad', 4, 0) });
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  if (weights.shape[3] !== x.shape[2]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit an input of ${x.shape[2]} channels`);
  }
  requireVector(node, bias, weights.shape[0], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape]);
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape]);
  return [finish(convolveTransposed(x.value as tf.Tensor4D, weights.value as tf.Tensor4D, g), bias?.value, node)];
}

export const conv2dTranspose = defineOperator({
  name: 'conv2d-transpose',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs) => inputs[0].shape[0] * inputs[0].shape[1] * elementCount(inputs[1].shape),
    weights: { input: 1, channelAxis: 0, bias: 2 },
  },
});
