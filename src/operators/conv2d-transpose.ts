/** Transposed two-dimensional convolution, channels last. Attributes: docs/operators.md. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import type { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import type { Kernel } from './kernel.js';
import { integersAttribute, shapeError, shapeText } from './attributes.js';
import { linearBounds, transposedVisibility } from './linear/bounds.js';
import { convolveTransposed, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { transposedGeometry, type Geometry } from './linear/geometry.js';
import { checkInteger, linearTensors, padOf, verifyLinear, type LinearTensors } from './linear/integer.js';
import { blockSize, interleave, linearArguments, linearStem, linearView, portableInstance } from './linear/kernels.js';
import { lowerLinear } from './linear/lower.js';
import type { LowerContext } from './lower.js';
import { shiftTransposed } from './shift/conv2d-transpose.js';
import { wideTransposed } from './shift/wide.js';

interface Shaped {
  readonly shape: readonly number[];
}

function geometryOf(node: FloatNode | IntegerNode, [input, weights]: readonly (readonly number[])[], pad: readonly number[]): Geometry {
  return transposedGeometry(node, { input, kernel: [weights[1], weights[2]], outputChannels: weights[0], pad });
}

function requireChannels(node: FloatNode | IntegerNode, x: Shaped, weights: Shaped): void {
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  if (weights.shape[3] !== x.shape[2]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit an input of ${x.shape[2]} channels`);
  }
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireChannels(node, x, weights);
  requireVector(node, bias, weights.shape[0], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  return [finish(convolveTransposed(x.value as tf.Tensor4D, weights.value as tf.Tensor4D, g), bias?.value, node)];
}

function lower(node: FloatNode, context: LowerContext): void {
  const { strides, dilations, pad, outputPadding } = node.attributes;
  lowerLinear(node, context, {
    outputChannels: context.float(node.inputs[1]).shape[0],
    attributes: (zeroPoint) => ({ strides, dilations, outputPadding, pad: { amounts: pad, values: zeroPoint } }),
  });
}

/** The node's tensors and geometry, with everything checked that later steps rely on. */
function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const g = checkInteger(node, () => {
    requireChannels(node, t.x, t.weights);
    return geometryOf(node, [t.x.shape, t.weights.shape], padOf(node).amounts);
  });
  return { t, g };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { t, g } = read(node, graph);
  verifyLinear(node, t, [g.outputHeight, g.outputWidth, g.outputChannels]);
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { t, g } = read(node, graph);
  const taps = g.kernelHeight * g.kernelWidth;
  return linearBounds(node, t, {
    ...g,
    depth: g.inputChannels,
    weightIndex: (o, tap, c) => (o * taps + tap) * g.inputChannels + c,
    padCode: null,
    rows: transposedVisibility({ outputs: g.outputHeight, inputs: g.inputHeight, taps: g.kernelHeight, stride: g.strideHeight, dilation: g.dilationHeight, pad: g.padTop }),
    columns: transposedVisibility({ outputs: g.outputWidth, inputs: g.inputWidth, taps: g.kernelWidth, stride: g.strideWidth, dilation: g.dilationWidth, pad: g.padLeft }),
  });
}

/** Every output gathers the input pixels that reach it. */
const gather: Kernel = {
  family: 'portable',
  when: () => true,
  instantiate({ graph, group: [node] }) {
    const { t, g } = read(node, graph);
    const block = blockSize(g.outputChannels);
    const view = {
      ...g,
      ...linearView(node, t, block, false),
      reachHeight: g.dilationHeight * (g.kernelHeight - 1),
      reachWidth: g.dilationWidth * (g.kernelWidth - 1),
      dilatesRows: g.dilationHeight > 1,
      dilatesColumns: g.dilationWidth > 1,
      tapWeights: g.inputChannels * block,
      blockWeights: g.kernelHeight * g.kernelWidth * g.inputChannels * block,
    };
    return portableInstance(node, 'conv2d-transpose', linearStem('conv2d_transpose', t, node), view, linearArguments(node, interleave(t.weightCodes, g.outputChannels, block), t.biasCodes));
  },
};

export const conv2dTranspose = defineOperator({
  name: 'conv2d-transpose',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs) => inputs[0].shape[0] * inputs[0].shape[1] * elementCount(inputs[1].shape),
    weights: { input: 1, channelAxis: 0, bias: 2 },
    lower,
  },
  integer: {
    verify,
    bounds,
    macs(node, graph) {
      const { t, g } = read(node, graph);
      return g.inputHeight * g.inputWidth * elementCount(t.weights.shape);
    },
    kernels: [shiftTransposed(read), wideTransposed(read), gather],
  },
});
