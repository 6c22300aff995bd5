/** conv2d on Helium: 1x1 windows as rows of a matrix, other windows three at a time through scratch memory. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { borderView, neverBlind } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, padCodes, padOf, type LinearTensors } from '../linear/integer.js';
import { slidingOverlap } from '../overlap.js';
import { matrixKernel, productsInstance } from './linear.js';
import { BLOCK_ROWS, fitsVectors, planProducts, VECTOR } from './products.js';

function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

const pointwise = matrixKernel('pointwise', (node, graph) => {
  const { t, g } = read(node, graph);
  const isSingle = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth, integerAttribute(node, 'groups', 1)].every((n) => n === 1);
  if (!isSingle || padOf(node).amounts.some((a) => a > 0)) return null;
  return { t, rows: g.outputHeight * g.outputWidth, channels: g.outputChannels, depth: g.inputChannels };
});

const windows: Kernel = {
  family: 'mve',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const isPlain = [g.dilationHeight, g.dilationWidth, integerAttribute(node, 'groups', 1)].every((n) => n === 1) && neverBlind(g, node) && !biasClassesOf(node);
    return isPlain && g.outputHeight * g.outputWidth >= BLOCK_ROWS && fitsVectors(context, t, g.outputChannels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const { t, g } = read(node, context.graph);
    const depth = g.kernelHeight * g.kernelWidth * g.inputChannels;
    const plan = planProducts(context, t, { rows: BLOCK_ROWS, channels: g.outputChannels, depth }, fitsVectors(context, t, g.outputChannels)!);
    const pitch = Math.ceil(depth / VECTOR) * VECTOR;
    const border = borderView(g, node);
    const run = g.kernelWidth * g.inputChannels;
    const codes = padCodes(node, g.inputChannels);
    const view = {
      ...g,
      ...border,
      run,
      pitch,
      twoPitches: 2 * pitch,
      rowDepth: g.inputWidth * g.inputChannels,
      lastTop: g.inputHeight - g.kernelHeight,
      lastLeft: g.inputWidth - g.kernelWidth,
      endLeft: g.outputWidth * g.strideWidth - g.padLeft,
      lastPixel: g.outputHeight * g.outputWidth - plan.block,
    };
    const padding = Int8Array.from({ length: run }, (_, i) => codes[i % g.inputChannels]!);
    return productsInstance(context, t, plan, {
      template: 'mve/convolve',
      variant: '',
      view,
      more: border.padded ? [{ kind: 'constant', name: 'padding', data: padding }] : [],
      support: [...(border.padded ? [{ template: 'mve/copy', view: {} }] : []), { template: 'mve/copy-rows', view: rowsView(g.kernelHeight, run) }],
      scratchBytes: plan.block * pitch,
      overlap: slidingOverlap(g, t.x, t.y, { pixels: plan.block, overlappingTail: true }),
    });
  },
};

/** Rows of a window that are written out one after the other instead of in a loop. */
const UNROLLED = 4;

/** Rows of a window: whole vectors, then a predicated rest. */
function rowsView(count: number, run: number) {
  const restAt = Math.floor(run / VECTOR) * VECTOR;
  const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
  const looped = count > UNROLLED;
  return { count, run, full: upTo(restAt / VECTOR), rest: run - restAt, restAt, looped, rows: upTo(looped ? 1 : count) };
}

export const mveConv2d: readonly Kernel[] = [pointwise, windows];
