/** conv2d on cores with SMLAD: products of three windows with two channels at a time. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { multiplyInstance, productsInstance, types } from './matrix.js';
import { nearWindows } from './window-words.js';
import { BLOCK_ROWS, fastestTile, fitsProducts, planProducts, tileFor } from './products.js';
import { storageFor } from './storage.js';

interface Read {
  readonly t: LinearTensors;
  readonly g: Geometry;
}

function read(node: IntegerNode, graph: IntegerGraph): Read {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

function isPlain(node: IntegerNode): boolean {
  return integerAttribute(node, 'groups', 1) === 1 && !biasClassesOf(node);
}

function isPointwise(node: IntegerNode, g: Geometry): boolean {
  const sizes = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth];
  return sizes.every((size) => size === 1) && padOf(node).amounts.every((a) => a === 0);
}

/** 1x1 windows: every pixel is a row of a matrix. */
const pointwise: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    // a row that is no multiple of four values long ends with a word that reaches back into the row
    return isPlain(node) && isPointwise(node, g) && g.inputChannels >= 4 && tileFor(g.outputHeight * g.outputWidth, g.outputChannels, context) !== null && fitsProducts(context, t, g.outputChannels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const requantize = fitsProducts(context, t, g.outputChannels)!;
    return multiplyInstance(node, t, linearStem('conv2d', t, node, 'pointwise'), { rows: g.outputHeight * g.outputWidth, depth: g.inputChannels, channels: g.outputChannels }, requantize, context);
  },
};

/** Any window, strides, dilations and one code of padding. */
const windows: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const enough = g.outputHeight * g.outputWidth >= BLOCK_ROWS && tileFor(BLOCK_ROWS, g.outputChannels, context) !== null;
    return isPlain(node) && enough && new Set(padCodes(node, g.inputChannels)).size === 1 && fitsProducts(context, t, g.outputChannels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const requantize = fitsProducts(context, t, g.outputChannels)!;
    const depth = elementCount(t.weights.shape) / g.outputChannels;
    const window = 4 * Math.ceil(depth / 4);
    const size = { rows: g.outputHeight * g.outputWidth, depth, channels: g.outputChannels };
    const storage = storageFor(context, t, size, 3 * BLOCK_ROWS * window);
    const tile = fastestTile(tileFor(BLOCK_ROWS, g.outputChannels, context)!, size, storage, requantize, context.features.dualIssue);
    const plan = planProducts(node, t, g.outputChannels, depth, requantize, tile, storage);
    const direct = g.dilationWidth === 1 && (g.inputChannels * g.kernelWidth) % 4 === 0 ? 1 : 0;
    const near = context.shareCode ? null : nearWindows(g, tile.rows, plan.widenRows);
    const widenSuffix = near?.suffix ?? plan.view.widenSuffix;
    const view = { ...g, ...plan.view, widenSuffix, direct, ownBytes: tile.rows * window + plan.laneBytes, ...types(t), outputs: g.outputHeight * g.outputWidth, run: g.kernelWidth * g.inputChannels, window, padCode: padCodes(node, g.inputChannels)[0]! & 255 };
    const overlap = slidingOverlap(g, t.x, t.y, { pixels: tile.rows, overlappingTail: true });
    return productsInstance(node, 'dsp/conv2d', linearStem('conv2d', t, node, 'windows'), view, plan, tile.rows * window + plan.laneBytes, overlap, [
      { template: 'dsp/convolve', view: {} },
      ...(near?.support ?? [{ template: 'dsp/convolve-rows', view: { widenSuffix, count: tile.rows, beyond: tile.rows - 1, valueBytes: 2 * tile.rows } }]),
      { template: 'dsp/convolve-products', view: { suffix: plan.view.suffix, widenSuffix, count: tile.rows } },
    ]);
  },
};

export const dspConv2d: readonly Kernel[] = [pointwise, windows];
