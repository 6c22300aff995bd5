/** Convolutions and fully connected layers on int16 activations, on cores with SMLAD. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { laneBytes } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { rowsOverlap, slidingOverlap } from '../overlap.js';
import { fitsInt16, planInt16 } from './int16-products.js';
import { denseSize, type MatrixSize, productsInstance, types } from './matrix.js';
import { BLOCK_ROWS, fastestTile, tileFor } from './products.js';
import type { FoldedRequantize } from './requantize.js';
import { readsLanes, storageFor, widenedPart } from './storage.js';

const LANE = 2;
/** A row of an odd number of values ends with a word that reaches back into the row. */
const LEAST_DEPTH = 2;

/** Rows [rows, depth] times weights [channels, depth]. */
function multiplyInt16(context: KernelContext, t: LinearTensors, stem: string, size: MatrixSize, requantize: FoldedRequantize): KernelInstance {
  const [node] = context.group as readonly [IntegerNode];
  const { rows, depth, channels } = size;
  const base = tileFor(rows, channels, context)!;
  const lanes = 8 * base.rows * Math.ceil(depth / 4);
  const whole = storageFor(context, t, size, lanes);
  const part = node.op === 'dense' && !readsLanes(whole) ? widenedPart(context, t, size, lanes) : null;
  const storage = part?.storage ?? whole;
  const tile = fastestTile(base, size, storage, requantize, context.features.dualIssue);
  const plan = planInt16(t, channels, requantize, tile, storage, part?.blocks);
  // Parts of the channels read all rows again.
  const overlap = part ? [] : rowsOverlap(rows, depth, channels, t.x, t.y, { pixels: tile.rows, overlappingTail: true });
  if (tile.rows === 1) {
    const direct = depth % 4 === 0;
    const view = { ...plan.view, ...types(t), rows, depth, channels, direct, rowBytes: LANE * depth };
    const instance = productsInstance(node, 'dsp/int16-dense', stem, view, plan, direct ? 0 : plan.laneBytes, direct ? [] : overlap, []);
    const [stream] = instance.arguments.filter((argument) => argument.kind === 'constant');
    return direct ? { ...instance, arguments: [...activationArguments([node.inputs[0]!], node.outputs[0]!), stream!] } : instance;
  }
  const lastChannel = laneBytes(t.y.type) * plan.view.lastChannel;
  const view = { ...plan.view, lastChannel, ...types(t), rows, depth: LANE * depth, cut: (depth % 2) * 16, ownBytes: plan.laneBytes, blockBytes: tile.channels * laneBytes(t.y.type) };
  return productsInstance(node, 'dsp/multiply', stem, view, plan, plan.laneBytes, overlap, [
    { template: 'dsp/matrix-shape', view: {} },
    { template: 'dsp/multiply-rows', view: { suffix: plan.view.suffix, widenSuffix: plan.view.widenSuffix, count: tile.rows } },
  ]);
}

const dense: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const size = denseSize(node, context.graph);
    return size.depth >= LEAST_DEPTH && tileFor(size.rows, size.channels, context) !== null && fitsInt16(context, linearTensors(node, context.graph), size.channels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const t = linearTensors(node, context.graph);
    const size = denseSize(node, context.graph);
    return multiplyInt16(context, t, linearStem('dense', t, node), size, fitsInt16(context, t, size.channels)!);
  },
};

function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

function isPointwise(node: IntegerNode, g: Geometry): boolean {
  const sizes = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth];
  return g.inputChannels >= LEAST_DEPTH && sizes.every((size) => size === 1) && padOf(node).amounts.every((a) => a === 0);
}

/** Bytes of a code of padding are all alike, so that windows can be filled with them. */
function padByte(node: IntegerNode, channels: number): number | null {
  const codes = new Set(padCodes(node, channels));
  const [code] = codes;
  return codes.size === 1 && (code === 0 || code === -1) ? code & 255 : null;
}

function pixelsOf(g: Geometry): number {
  return g.outputHeight * g.outputWidth;
}

const convolution: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const isPlain = integerAttribute(node, 'groups', 1) === 1 && !biasClassesOf(node) && tileFor(pixelsOf(g), g.outputChannels, context) !== null;
    const isWindow = pixelsOf(g) >= BLOCK_ROWS && padByte(node, g.inputChannels) !== null;
    return isPlain && (isPointwise(node, g) || isWindow) && fitsInt16(context, t, g.outputChannels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const requantize = fitsInt16(context, t, g.outputChannels)!;
    if (!isPointwise(node, g)) return windowsInstance(context, node, t, g, requantize);
    return multiplyInt16(context, t, linearStem('conv2d', t, node, 'pointwise'), { rows: pixelsOf(g), depth: g.inputChannels, channels: g.outputChannels }, requantize);
  },
};

/** Windows are gathered as bytes: every size along a row of the input counts twice. */
function windowsInstance(context: KernelContext, node: IntegerNode, t: LinearTensors, g: Geometry, requantize: FoldedRequantize): KernelInstance {
  const depth = elementCount(t.weights.shape) / g.outputChannels;
  const window = LANE * 4 * Math.ceil(depth / 4);
  const size = { rows: pixelsOf(g), depth, channels: g.outputChannels };
  const storage = storageFor(context, t, size, 2 * BLOCK_ROWS * window);
  const tile = fastestTile(tileFor(BLOCK_ROWS, g.outputChannels, context)!, size, storage, requantize, context.features.dualIssue);
  const plan = planInt16(t, g.outputChannels, requantize, tile, storage);
  const run = LANE * g.kernelWidth * g.inputChannels;
  const direct = g.dilationWidth === 1 && run % 4 === 0 ? 1 : 0;
  const ownBytes = tile.rows * window + plan.laneBytes;
  const lastChannel = laneBytes(t.y.type) * plan.view.lastChannel;
  const view = { ...g, ...plan.view, lastChannel, inputChannels: LANE * g.inputChannels, direct, ownBytes, ...types(t), outputs: size.rows, run, window, padCode: padByte(node, g.inputChannels)! };
  const overlap = slidingOverlap(g, t.x, t.y, { pixels: tile.rows, overlappingTail: true });
  return productsInstance(node, 'dsp/conv2d', linearStem('conv2d', t, node, 'windows'), view, plan, ownBytes, overlap, [
    { template: 'dsp/convolve', view: {} },
    { template: 'dsp/convolve-rows', view: { widenSuffix: plan.view.widenSuffix, count: tile.rows, beyond: tile.rows - 1, valueBytes: tile.rows } },
    { template: 'dsp/convolve-products', view: { suffix: plan.view.suffix, widenSuffix: plan.view.widenSuffix, count: tile.rows } },
  ]);
}

export const dspInt16Dense: readonly Kernel[] = [dense];
export const dspInt16Conv2d: readonly Kernel[] = [convolution];
