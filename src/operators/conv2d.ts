/** Two-dimensional convolution, channels last, with groups. Attributes: docs/operators.md. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { integerAttribute, integerList, shapeError, shapeText } from './linear/attributes.js';
import { convolve, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { convolutionGeometry, type Geometry } from './linear/geometry.js';

function geometryOf(node: FloatNode, shapes: readonly (readonly number[])[]): Geometry {
  const [input, weights] = shapes;
  return convolutionGeometry(node, { input, kernel: [weights[1], weights[2]], outputChannels: weights[0], pad: integerList(node, 'pad', 4, 0) });
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  const groups = integerAttribute(node, 'groups', 1);
  if (weights.shape[3] * groups !== x.shape[2] || weights.shape[0] % groups !== 0) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} in ${groups} group(s) do not fit an input of ${x.shape[2]} channels`);
  }
  requireVector(node, bias, weights.shape[0], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape]);
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape]);
  const sum = convolve(x.value as tf.Tensor4D, weights.value as tf.Tensor4D, g, integerAttribute(node, 'groups', 1));
  return [finish(sum, bias?.value, node)];
}

export const conv2d = defineOperator({
  name: 'conv2d',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * elementCount(inputs[1].shape.slice(1)),
    weights: { input: 1, channelAxis: 0, bias: 2 },
  },
});
