/**
 * Depthwise convolutions of int16 activations on cores with SMLAD: words of two channels, SMLABB and SMLATT. Two pixels beside
 * each other share loads of weights, constants and, at stride 1, input.
 */
import { type IntegerGraph, type IntegerNode, laneBytes } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance, KernelOverlap, SupportText } from '../kernel.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { type Access, mayShare, overlapDistance } from '../overlap.js';
import { cType } from '../views.js';
import { fitsInt16 } from './int16-products.js';
import type { FoldedRequantize } from './requantize.js';

/** Registers hold a pointer to every row and the weights of one. */
const MOST_ROWS = 3;
const MOST_COLUMNS = 3;
/** Immediate offsets of loads and stores. */
const MOST_OFFSET = 4092;
const LANE = 2;

const POINTERS = ['r0', 'r3', 'r4'];
const WEIGHTS = ['r9', 'r10', 'r11'];
const SUMS = [{ lower: 'r5', upper: 'r6' }, { lower: 'r7', upper: 'r8' }];

function read({ graph, group }: KernelContext): { readonly node: IntegerNode; readonly t: LinearTensors; readonly g: Geometry } {
  const [node] = group as readonly [IntegerNode];
  return { node, ...tensorsOf(node, graph) };
}

function tensorsOf(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts }) };
}

/** Of every two channels: biases, a word of weights a tap, then for each multiplier, addend and, where channels have their own, shift. */
function packPairs(t: LinearTensors, channels: number, { channels: folded, unshifted }: FoldedRequantize): Int32Array {
  const words: number[] = [];
  const taps = t.weightCodes.length / channels;
  for (let c = 0; c < channels; c += 2) {
    words.push(t.biasCodes[c]!, t.biasCodes[c + 1]!);
    for (let tap = 0; tap < taps; tap++) words.push((t.weightCodes[tap * channels + c]! & 0xffff) | (t.weightCodes[tap * channels + c + 1]! << 16));
    for (const { multiplier, addend, shift } of [folded[c]!, folded[c + 1]!]) words.push(multiplier, addend, ...(unshifted ? [] : [shift]));
  }
  return Int32Array.from(words);
}

/** The function for `count` pixels beside each other. */
function pixelsSupport(t: LinearTensors, g: Geometry, requantize: FoldedRequantize, count: number): SupportText & { readonly view: { readonly suffix: string } } {
  const { kernelHeight, kernelWidth, strideWidth, inputChannels } = g;
  const { saturation, unshifted, kind } = requantize;
  const pixels = SUMS.slice(0, count).map((sums, i) => ({ ...sums, first: i * strideWidth }));
  const step = laneBytes(t.y.type);
  const rows = POINTERS.slice(0, kernelHeight).map((pointer) => ({ pointer, columns: columnsOf(pixels, kernelWidth, inputChannels) }));
  const channels = (['lower', 'upper'] as const).map((half) => ({
    sums: pixels.map((pixel, i) => ({ sum: pixel[half], offset: i * inputChannels * step, last: i === 0 })).reverse(),
  }));
  const view = {
    suffix: `${kernelHeight}x${kernelWidth}_${inputChannels}_by${strideWidth}_${count}_${kind}${unshifted ? '_high' : ''}_${saturation.signed ? 's' : 'u'}${saturation.bits}${step === 2 ? '_halves' : ''}`,
    title: count === 1 ? 'One pixel' : 'Two pixels',
    kernelHeight,
    kernelWidth,
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    several: count > 1,
    shifted: !unshifted,
    pointerList: `{${POINTERS.slice(0, kernelHeight).join(', ')}}`,
    stream: 'r1!',
    weightList: `{${WEIGHTS.slice(0, kernelWidth).join(', ')}}`,
    rows,
    channels,
    multiply: kind === 'floor' ? 'smmla' : 'smmlar',
    saturate: saturation.signed ? 'ssat' : 'usat',
    bits: saturation.bits,
    store: step === 2 ? 'strh' : 'strb',
    step,
    products: 2 * count * kernelHeight * kernelWidth,
    instructions: 1 + 2 * (count - 1) + rows.reduce((sum, { columns }) => sum + 1 + columns.length, 0) + 2 * count * kernelHeight * kernelWidth + 2 * (1 + count * (unshifted ? 3 : 4)) + 2,
  };
  return { template: 'dsp/int16-depthwise-pixels', view };
}

/** Loads of one row, each with the products that it takes part in; the first one moves the pointer on to the next two channels. */
function columnsOf(pixels: readonly { readonly lower: string; readonly upper: string; readonly first: number }[], kernelWidth: number, channels: number) {
  const span = pixels.at(-1)!.first + kernelWidth;
  return Array.from({ length: span }, (_, x) => ({
    first: x === 0,
    offset: LANE * x * channels - 4,
    products: pixels.filter(({ first }) => x >= first && x < first + kernelWidth).map(({ lower, upper, first }) => ({ lower, upper, weight: WEIGHTS[x - first]! })),
  })).filter(({ products }) => products.length > 0);
}

/** Elements of a padded row: all that its windows see. */
function copyWidth(g: Geometry): number {
  return Math.max((g.outputWidth - 1) * g.strideWidth + g.kernelWidth, g.padLeft + g.inputWidth);
}

function instantiate(context: KernelContext): KernelInstance {
  const { node, t, g } = read(context);
  const channels = g.inputChannels;
  const requantize = fitsInt16(context, t, channels)!;
  const [one, two] = [1, 2].map((count) => pixelsSupport(t, g, requantize, count)) as [ReturnType<typeof pixelsSupport>, ReturnType<typeof pixelsSupport>];
  const [several, odd] = [g.outputWidth > 1, g.outputWidth % 2 === 1];
  const padded = reachesOut(g);
  const [padCode] = padCodes(node, channels) as [number];
  const copyElements = copyWidth(g) * channels;
  const view = {
    ...g,
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    channels,
    padded,
    several,
    odd,
    most: several ? 2 : 1,
    groups: Math.floor(g.outputWidth / 2),
    stepElements: g.strideWidth * channels,
    rowElements: g.inputWidth * channels,
    copyElements,
    copyStart: g.padLeft * channels,
    copiesBytes: LANE * g.kernelHeight * copyElements,
    copiedBytes: LANE * g.inputWidth * channels,
    padCode,
    padByte: padCode & 255,
    oneSuffix: one.view.suffix,
    severalSuffix: two.view.suffix,
  };
  return {
    family: 'dsp',
    template: 'dsp/int16-depthwise',
    stem: linearStem('depthwise_conv2d', t, node, 'halves'),
    view,
    arguments: [...activationArguments([node.inputs[0]!], node.outputs[0]!), { kind: 'constant', name: 'stream', data: packPairs(t, channels, requantize) }, ...(padded ? [{ kind: 'scratch' } as const] : [])],
    scratchBytes: padded ? view.copiesBytes : 0,
    scalars: [],
    support: [{ template: 'dsp/assembly', view: {} }, ...(several ? [two] : []), ...(odd ? [one] : [])],
    overlap: overlapOf(t, g, padded),
  };
}

/** Copies: rows are read once, before the row of the output that needs them first. Else windows of two pixels, while these are written. */
function overlapOf(t: LinearTensors, g: Geometry, padded: boolean): readonly KernelOverlap[] {
  if (!mayShare(t.x, t.y)) return [];
  const pixelBytes = g.inputChannels * laneBytes(t.y.type);
  const rowBytes = LANE * g.inputWidth * g.inputChannels;
  const accesses = padded ? copyAccesses(g, rowBytes, g.outputWidth * pixelBytes) : windowAccesses(g, rowBytes, pixelBytes);
  return [{ input: 0, distanceBytes: overlapDistance(accesses, g.inputHeight * rowBytes) }];
}

function copyAccesses(g: Geometry, rowBytes: number, outputRowBytes: number): readonly Access[] {
  let next = 0;
  return Array.from({ length: g.outputHeight }, (_, y) => {
    const end = Math.min(g.inputHeight, y * g.strideHeight - g.padTop + g.kernelHeight);
    next = Math.max(next, y * g.strideHeight - g.padTop);
    const from = next < end ? next * rowBytes : Infinity;
    next = Math.max(next, end);
    return { from, to: (y + 1) * outputRowBytes };
  });
}

/** Whichever pixels are computed together: the window of the first is read until the last two channels of the next one are written. */
function windowAccesses(g: Geometry, rowBytes: number, pixelBytes: number): readonly Access[] {
  const pixels = g.outputHeight * g.outputWidth;
  return Array.from({ length: pixels }, (_, pixel) => {
    const from = Math.floor(pixel / g.outputWidth) * g.strideHeight * rowBytes + (pixel % g.outputWidth) * g.strideWidth * LANE * g.inputChannels;
    const to = Math.min(pixel + 2, pixels) * pixelBytes;
    return [{ from, to }, { from, to }];
  }).flat();
}

/** Windows leave the image somewhere. */
function reachesOut(g: Geometry): boolean {
  const end = (outputs: number, stride: number, pad: number, taps: number) => (outputs - 1) * stride - pad + taps;
  return g.padTop > 0 || g.padLeft > 0 || end(g.outputHeight, g.strideHeight, g.padTop, g.kernelHeight) > g.inputHeight || end(g.outputWidth, g.strideWidth, g.padLeft, g.kernelWidth) > g.inputWidth;
}

export const dspInt16Depthwise: Kernel = {
  family: 'dsp',
  when(context) {
    const { node, t, g } = read(context);
    const codes = new Set(padCodes(node, g.inputChannels));
    const isFilled = codes.size === 1 && (codes.has(0) || codes.has(-1));
    const offset = LANE * g.inputChannels * (g.kernelWidth + g.strideWidth);
    const isSmall = g.kernelHeight <= MOST_ROWS && g.kernelWidth <= MOST_COLUMNS && offset <= MOST_OFFSET && g.dilationHeight === 1 && g.dilationWidth === 1;
    const isEven = t.weights.shape[3] === 1 && g.inputChannels % 2 === 0 && !biasClassesOf(node);
    const requantize = isFilled && isSmall && isEven ? fitsInt16(context, t, g.inputChannels) : null;
    return requantize !== null && requantize.kind !== 'away';
  },
  instantiate,
};
