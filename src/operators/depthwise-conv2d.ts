/** Depthwise convolution with a channel multiplier, channels last: output channel c·multiplier + m sees input channel c. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import type { tf } from '../tensor/index.js';
import { cmsisDepthwiseConv2d } from './cmsis-nn/depthwise-conv2d.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { dspDepthwise } from './dsp/depthwise.js';
import { dspDepthwiseGeneral } from './dsp/depthwise-general.js';
import { dspInt16Depthwise } from './dsp/int16-depthwise.js';
import type { Kernel, KernelContext, KernelInstance } from './kernel.js';
import { integersAttribute, shapeError, shapeText } from './attributes.js';
import { linearBounds } from './linear/bounds.js';
import { borderView, classArguments, neverBlind, paddingArgument, padsWithZero, visibilityOf } from './linear/convolution.js';
import { convolveDepthwise, finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { convolutionGeometry, type Geometry } from './linear/geometry.js';
import { checkInteger, linearTensors, padCodes, padOf, verifyLinear, verifyPadCodes, type LinearTensors } from './linear/integer.js';
import { blockSize, foldedBias, linearArguments, linearStem, linearView, portableInstance } from './linear/kernels.js';
import { lowerLinear } from './linear/lower.js';
import type { LowerContext } from './lower.js';
import { mveDepthwiseConv2d } from './mve/depthwise-conv2d.js';
import { slidingOverlap } from './overlap.js';
import { portableDepthwise } from './portable/depthwise.js';
import { shiftDepthwiseConv2d } from './shift/depthwise-conv2d.js';
import { wideDepthwiseConv2d } from './shift/wide.js';

interface Shaped {
  readonly shape: readonly number[];
}

function geometryOf(node: FloatNode | IntegerNode, [input, weights]: readonly (readonly number[])[], pad: readonly number[]): Geometry {
  return convolutionGeometry(node, { input, kernel: [weights[0], weights[1]], outputChannels: weights[2] * weights[3], pad });
}

function requireChannels(node: FloatNode | IntegerNode, x: Shaped, weights: Shaped): void {
  requireRank(node, x, 3, 'the input');
  requireRank(node, weights, 4, 'the weights');
  if (weights.shape[2] !== x.shape[2]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit an input of ${x.shape[2]} channels`);
  }
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  requireChannels(node, x, weights);
  requireVector(node, bias, weights.shape[2] * weights.shape[3], 'the bias');
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  return [[g.outputHeight, g.outputWidth, g.outputChannels]];
}

function evaluate(node: FloatNode, { inputs }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const g = geometryOf(node, [x.shape, weights.shape], integersAttribute(node, 'pad', 4, 0));
  return [finish(convolveDepthwise(x.value as tf.Tensor4D, weights.value as tf.Tensor4D, g), bias?.value, node)];
}

function lower(node: FloatNode, context: LowerContext): void {
  const { strides, dilations, pad } = node.attributes;
  const [, , channels, multiplier] = context.float(node.inputs[1]).shape;
  lowerLinear(node, context, {
    outputChannels: channels * multiplier,
    attributes: (zeroPoint) => ({ strides, dilations, pad: { amounts: pad, values: zeroPoint } }),
    outputScales: (scales) => (scales.length === channels ? scales.flatMap((s) => new Array<number>(multiplier).fill(s)) : scales),
  });
}

/** The node's tensors and geometry, with everything checked that later steps rely on. */
function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry; readonly multiplier: number } {
  const t = linearTensors(node, graph);
  const g = checkInteger(node, () => {
    requireChannels(node, t.x, t.weights);
    return geometryOf(node, [t.x.shape, t.weights.shape], padOf(node).amounts);
  });
  return { t, g, multiplier: t.weights.shape[3] };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { t, g } = read(node, graph);
  verifyPadCodes(node, t.x);
  verifyLinear(node, t, [g.outputHeight, g.outputWidth, g.outputChannels]);
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { t, g, multiplier } = read(node, graph);
  const pads = padCodes(node, g.inputChannels);
  return linearBounds(node, t, {
    ...g,
    depth: 1,
    weightIndex: (o, tap) => tap * g.outputChannels + o,
    padCode: (o) => pads[Math.floor(o / multiplier)],
    ...visibilityOf(g, node),
  });
}

/** Rows and columns not dilated, padding that stands for zero: taps outside the input are skipped by clamped ranges. */
const clamped: Kernel = {
  family: 'portable',
  when({ graph, group: [node] }) {
    const { g } = read(node, graph);
    return g.dilationHeight === 1 && g.dilationWidth === 1 && padsWithZero(g, node) && neverBlind(g, node);
  },
  instantiate(context) {
    const { t, g, node, pads } = details(context);
    return depthwise(context, 'depthwise-conv2d', '', !pads, classArguments(node), [t, g]);
  },
};

/** Dilations and any codes of padding: one pointer a tap, to the pixel or to a padded one. */
const general: Kernel = {
  family: 'portable',
  when: () => true,
  instantiate(context) {
    const { t, g, node, pads } = details(context);
    const more = [...classArguments(node), ...(pads ? [paddingArgument(g, node, t.x.type)] : [])];
    return depthwise(context, 'depthwise-conv2d-general', 'general', true, more, [t, g]);
  },
};

function details({ graph, group: [node] }: KernelContext): { readonly t: LinearTensors; readonly g: Geometry; readonly node: IntegerNode; readonly pads: boolean } {
  const { t, g } = read(node, graph);
  const border = borderView(g, node);
  return { t, g, node, pads: border.padsRows || border.padsColumns };
}

function depthwise({ group: [node] }: KernelContext, template: string, variant: string, folded: boolean, more: KernelInstance['arguments'], [t, g]: readonly [LinearTensors, Geometry]): KernelInstance {
  const multiplier = g.outputChannels / g.inputChannels;
  const block = blockSize(multiplier === 1 ? g.outputChannels : multiplier);
  const linear = linearView(node, t, block, folded);
  const view = {
    ...g,
    ...borderView(g, node),
    ...linear,
    multiplied: multiplier > 1,
    multiplier,
    // With a multiplier every lane of a block reads the same input channel.
    lanes: linear.lanes.map((lane) => ({ ...lane, source: multiplier === 1 ? lane.index : 0 })),
    rowDepth: g.inputWidth * g.inputChannels,
    rowWeights: g.kernelWidth * g.outputChannels,
  };
  return portableInstance(node, template, linearStem('depthwise_conv2d', t, node, variant), view, linearArguments(node, t.weightCodes, folded ? foldedBias(node, t, channelSums(t, g)) : t.biasCodes, more), slidingOverlap(g, t.x, t.y, { block }));
}

/** Σw of each output channel. */
function channelSums(t: LinearTensors, g: Geometry): readonly number[] {
  const sums = new Array<number>(g.outputChannels).fill(0);
  for (let i = 0; i < t.weightCodes.length; i++) sums[i % g.outputChannels] += t.weightCodes[i];
  return sums;
}

export const depthwiseConv2d = defineOperator({
  name: 'depthwise-conv2d',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * inputs[1].shape[0] * inputs[1].shape[1],
    weights: { input: 1, channelAxis: 2, bias: 2 },
    lower,
  },
  integer: {
    verify,
    bounds,
    macs(node, graph) {
      const { t, g } = read(node, graph);
      return g.outputHeight * g.outputWidth * elementCount(t.weights.shape);
    },
    kernels: [shiftDepthwiseConv2d, wideDepthwiseConv2d, cmsisDepthwiseConv2d, ...mveDepthwiseConv2d, ...dspDepthwise, dspDepthwiseGeneral, dspInt16Depthwise, ...portableDepthwise, clamped, general],
  },
});
