/** Depthwise convolution with a channel multiplier, channels last: output channel c·multiplier + m sees input channel c. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { integerList, shapeError, shapeText } from './linear/attributes.js';
import { convolveDepthwise, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { convolutionGeometry, type Geometry } from './linear/geometry.js';

function geometryOf(node: FloatNode, shapes: readonly (readonly number[])[]): Geometry {
  const [input, weights] = shapes;
  return convolutionGeometry(node, { input, kernel: [weights[0], weights[1]], outputChannels: weights[2] * weights[3], pad: integerList(node, 'pad', 4, 0) });
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  if (weights.shape[2] !== x.shape[2]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit an input of ${x.shape[2]} channels`);
  }
  requireVector(node, bias, weights.shape[2] * weights.shape[3], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape]);
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape]);
  return [finish(convolveDepthwise(x.value as tf.Tensor4D, weights.value as tf.Tensor4D, g), bias?.value, node)];
}

export const depthwiseConv2d = defineOperator({
  name: 'depthwise-conv2d',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * inputs[1].shape[0] * inputs[1].shape[1],
    weights: { input: 1, channelAxis: 2, bias: 2 },
  },
});
