/** Two-dimensional convolution, channels last, with groups. Attributes: docs/operators.md. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import type { tf } from '../tensor/index.js';
import { cmsisConv2d } from './cmsis-nn/conv2d.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { dspConv2d } from './dsp/conv2d.js';
import { dspInt16Conv2d } from './dsp/int16.js';
import { winogradConv2d } from './dsp/winograd.js';
import type { Kernel, KernelContext, KernelInstance } from './kernel.js';
import { integerAttribute, integersAttribute, shapeError, shapeText } from './attributes.js';
import { linearBounds } from './linear/bounds.js';
import { borderView, classArguments, neverBlind, paddingArgument, padsWithZero, visibilityOf } from './linear/convolution.js';
import { convolve, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { convolutionGeometry, type Geometry } from './linear/geometry.js';
import { biasClassesOf, checkInteger, linearTensors, padCodes, padOf, verifyLinear, verifyPadCodes, type LinearTensors } from './linear/integer.js';
import { blockSize, foldedBias, interleave, linearArguments, linearStem, linearView, portableInstance, rowSums, runView } from './linear/kernels.js';
import { lowerLinear } from './linear/lower.js';
import { borderBias, padded, padValuesOf } from './linear/padded-values.js';
import type { LowerContext } from './lower.js';
import { mveConv2d } from './mve/conv2d.js';
import { slidingOverlap } from './overlap.js';
import { portablePairs } from './portable/conv2d.js';
import { shiftConv2d } from './shift/conv2d.js';
import { wideConv2d } from './shift/wide.js';

/** Of a source that is padded already. */
const UNPADDED = { padTop: 0, padBottom: 0, padLeft: 0, padRight: 0 };

interface Shaped {
  readonly shape: readonly number[];
}

function geometryOf(node: FloatNode | IntegerNode, [input, weights]: readonly (readonly number[])[], pad: readonly number[]): Geometry {
  return convolutionGeometry(node, { input, kernel: [weights[1], weights[2]], outputChannels: weights[0], pad });
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireChannels(node, x, weights);
  requireVector(node, bias, weights.shape[0], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  if (padValuesOf(node, x.shape[2]) && integerAttribute(node, 'groups', 1) !== 1) throw shapeError(node, `'padValues' need one group`);
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function requireChannels(node: FloatNode | IntegerNode, x: Shaped, weights: Shaped): void {
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  const groups = integerAttribute(node, 'groups', 1);
  if (weights.shape[3] * groups !== x.shape[2] || weights.shape[0] % groups !== 0) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} in ${groups} group(s) do not fit an input of ${x.shape[2]} channels`);
  }
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  const values = padValuesOf(node, x.shape[2]);
  const input = x.value as tf.Tensor4D;
  const [source, around] = values ? [padded(input, g, values), UNPADDED] : [input, {}];
  const sum = convolve(source, weights.value as tf.Tensor4D, { ...g, ...around }, integerAttribute(node, 'groups', 1));
  return [finish(sum, bias?.value, node)];
}

function lower(node: FloatNode, context: LowerContext): void {
  const { strides, dilations, pad, groups } = node.attributes;
  const [x, weights] = [context.float(node.inputs[0]), context.float(node.inputs[1])];
  const values = padValuesOf(node, x.shape[2]);
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  lowerLinear(node, context, {
    outputChannels: weights.shape[0],
    attributes: (zeroPoint) => ({ strides, dilations, groups, pad: { amounts: pad, values: zeroPoint } }),
    ...(values && { border: (bias: Int32Array, codes: ArrayLike<number>, inputScale: number) => borderBias(bias, codes, values, inputScale, g) }),
  });
}

/** The node's tensors and geometry, with everything checked that later steps rely on. */
function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry; readonly groups: number } {
  const t = linearTensors(node, graph);
  const g = checkInteger(node, () => {
    requireChannels(node, t.x, t.weights);
    return geometryOf(node, [t.x.shape, t.weights.shape], padOf(node).amounts);
  });
  return { t, g, groups: integerAttribute(node, 'groups', 1) };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { t, g } = read(node, graph);
  verifyPadCodes(node, t.x);
  verifyLinear(node, t, [g.outputHeight, g.outputWidth, g.outputChannels]);
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { t, g, groups } = read(node, graph);
  const depth = g.inputChannels / groups;
  const taps = g.kernelHeight * g.kernelWidth;
  const pads = padCodes(node, g.inputChannels);
  return linearBounds(node, t, {
    ...g,
    depth,
    weightIndex: (o, tap, c) => (o * taps + tap) * depth + c,
    padCode: (o, c) => pads[Math.floor((o * groups) / g.outputChannels) * depth + c],
    ...visibilityOf(g, node),
  });
}

/** 1x1 windows without padding: every pixel is a row of a fully connected layer. */
const pointwise: Kernel = {
  family: 'portable',
  when({ graph, group: [node] }) {
    const { g, groups } = read(node, graph);
    const isPlain = g.kernelHeight === 1 && g.kernelWidth === 1 && g.strideHeight === 1 && g.strideWidth === 1 && groups === 1;
    return isPlain && padOf(node).amounts.every((a) => a === 0) && !biasClassesOf(node);
  },
  instantiate({ graph, group: [node] }) {
    const { t, g } = read(node, graph);
    const block = blockSize(g.outputChannels);
    const view = { ...linearView(node, t, block, true), ...runView(block, g.inputChannels), rows: g.outputHeight * g.outputWidth, depth: g.inputChannels, channels: g.outputChannels };
    const bias = foldedBias(node, t, rowSums(t.weightCodes, g.outputChannels));
    return portableInstance(node, 'dense', linearStem('conv2d', t, node, 'pointwise'), view, linearArguments(node, interleave(t.weightCodes, g.outputChannels, block), bias), slidingOverlap(g, t.x, t.y, { block }));
  },
};

/** One group, columns not dilated, padding that stands for zero: the taps of a window row are one run of memory. */
const runs: Kernel = {
  family: 'portable',
  when({ graph, group: [node] }) {
    const { g, groups } = read(node, graph);
    return groups === 1 && g.dilationWidth === 1 && padsWithZero(g, node) && neverBlind(g, node);
  },
  instantiate(context) {
    return convolution(context, 'conv2d', '', (g, node) => {
      const border = borderView(g, node);
      return { folded: !border.padsRows && !border.padsColumns, more: [] };
    });
  },
};

/** Groups, dilations and any codes of padding: one pointer a tap, to the pixel or to a padded one. */
const general: Kernel = {
  family: 'portable',
  when: () => true,
  instantiate(context) {
    return convolution(context, 'conv2d-general', 'general', (g, node, t) => {
      const border = borderView(g, node);
      return { folded: true, more: border.padsRows || border.padsColumns ? [paddingArgument(g, node, t.x.type)] : [] };
    });
  },
};

interface Variant {
  readonly folded: boolean;
  readonly more: KernelInstance['arguments'];
}

function convolution({ graph, group: [node] }: KernelContext, template: string, variant: string, choose: (g: Geometry, node: IntegerNode, t: LinearTensors) => Variant): KernelInstance {
  const { t, g, groups } = read(node, graph);
  const block = blockSize(g.outputChannels / groups);
  const { folded, more } = choose(g, node, t);
  const depth = g.inputChannels / groups;
  const border = borderView(g, node);
  const view = {
    ...g,
    ...border,
    ...linearView(node, t, block, folded),
    ...runView(block, border.padsColumns ? depth : g.kernelWidth * depth),
    groups,
    isGrouped: groups > 1,
    depth,
    groupChannels: g.outputChannels / groups,
    rowDepth: g.inputWidth * g.inputChannels,
    run: g.kernelWidth * depth,
    blockWeights: g.kernelHeight * g.kernelWidth * depth * block,
    rowWeights: g.kernelWidth * depth * block,
    tapWeights: depth * block,
  };
  const bias = folded ? foldedBias(node, t, rowSums(t.weightCodes, g.outputChannels)) : t.biasCodes;
  return portableInstance(node, template, linearStem('conv2d', t, node, variant), view, linearArguments(node, interleave(t.weightCodes, g.outputChannels, block), bias, [...classArguments(node), ...more]), slidingOverlap(g, t.x, t.y, { block }));
}

export const conv2d = defineOperator({
  name: 'conv2d',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * elementCount(inputs[1].shape.slice(1)),
    weights: { input: 1, channelAxis: 0, bias: 2 },
    lower,
  },
  integer: {
    verify,
    bounds,
    macs(node, graph) {
      const { t, g } = read(node, graph);
      return g.outputHeight * g.outputWidth * elementCount(t.weights.shape);
    },
    kernels: [shiftConv2d, wideConv2d, ...mveConv2d, winogradConv2d, ...dspConv2d, ...dspInt16Conv2d, cmsisConv2d, ...portablePairs, pointwise, runs, general],
  },
});
