/**
 * Depthwise convolution by dot products of four bytes (dp4a). A thread computes PIXELS neighbouring outputs of four channels, which
 * lie in one word. Byte permutes bring four neighbouring pixels of a channel into a word: two a pair of pixels, and four for every
 * second pixel. Instructions for the products of a row of a 3x3 window, four outputs and four channels (48 products): 14 permutes and
 * 16 dot products, 0.63 a product; unpacking bytes takes 24 permutes and 48 multiply-adds, 1.5 a product.
 */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { borderView, classArguments } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { requantizeArguments, requantizeScalars, requantizeView } from '../views.js';

const THREADS = 128;
const PIXELS = 4;
/** Rows whose loop is unrolled; taller windows keep it. */
const MOST_UNROLLED_ROWS = 5;
/** Columns of a window: its codes and weights are held in registers, row by row. */
const MOST_COLUMNS = 9;

/** Null where the codes of a word would not be four channels of one pixel, or four neighbouring pixels no four taps. */
function layerOf(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } | null {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const isBytes = [t.x, t.weights, t.y].every(({ type }) => type.bits <= 8 && !type.packed);
  if (!isBytes || multiplier !== 1 || channels < 4 || width > MOST_COLUMNS) return null;
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels, pad: padOf(node).amounts });
  return g.dilationWidth === 1 ? { t, g } : null;
}

export const byteDepthwise: Kernel = {
  family: 'cuda',
  when: ({ graph, group: [node] }) => graph.provenance.arith !== 'shift' && layerOf(node!, graph) !== null,
  instantiate: ({ graph, group: [node] }) => instantiate(node!, layerOf(node!, graph)!),
};

function instantiate(node: IntegerNode, { t, g }: { readonly t: LinearTensors; readonly g: Geometry }): KernelInstance {
  const border = borderView(g, node);
  const isUnsigned = !t.x.type.signed;
  const words = Math.ceil(g.kernelWidth / 4);
  const columns = (PIXELS - 1) * g.strideWidth + g.kernelWidth;
  const blocks = Math.ceil(g.outputWidth / PIXELS);
  const isOdd = g.outputChannels % 4 !== 0;
  const groups = Math.ceil(g.outputChannels / 4);
  const items = g.outputHeight * blocks * groups;
  const view = {
    ...g,
    ...border,
    pixels: PIXELS,
    groups,
    blocks,
    items,
    isOdd,
    lastGroup: groups - 1,
    lastChannel: g.outputChannels - 4,
    inputElements: elementCount(t.x.shape),
    outputElements: elementCount(t.y.shape),
    inputWords: elementCount(t.x.shape) / 4,
    outputWords: elementCount(t.y.shape) / 4,
    isRagged: g.outputWidth % PIXELS !== 0,
    // A window that the last thread of a row does not need may begin outside the input.
    columns,
    pairs: Math.ceil(columns / 2),
    words,
    // Outputs at odd pixels begin in the second byte of a word, which may take a word more.
    oddWords: Math.ceil((g.kernelWidth + 1) / 4),
    isUnrolled: g.kernelHeight <= MOST_UNROLLED_ROWS,
    flip: isUnsigned ? ' ^ 0x80808080u' : '',
    requantize: requantizeView(node.requantize!, node.bounds),
  };
  return {
    family: 'cuda',
    template: 'depthwise-conv2d',
    stem: linearStem('depthwise_conv2d', t, node, 'dp4a'),
    view,
    arguments: [
      { kind: 'input', tensor: t.x.id },
      { kind: 'output', tensor: t.y.id },
      { kind: 'constant', name: 'weights', data: packedWeights(t, g, words) },
      { kind: 'constant', name: 'bias', data: foldedBias(node, t, isUnsigned ? 128 : 0) },
      ...(border.classes ? classArguments(node) : []),
      ...(border.padded ? [{ kind: 'constant', name: 'padding', data: packedPadding(node, g) } as const] : []),
      ...requantizeArguments(node.requantize!),
    ],
    launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items}, ${THREADS})`] },
    ...(isOdd && { support: [{ template: 'unaligned', view: {} }] }),
    scratchBytes: 0,
    scalars: requantizeScalars(node.requantize!, node.bounds),
  };
}

/** Channels of the words, the last of which begin where there still are four. */
function channelsOf({ outputChannels }: Geometry): readonly number[] {
  return Array.from({ length: 4 * Math.ceil(outputChannels / 4) }, (_, i) => Math.min(i - (i % 4), outputChannels - 4) + (i % 4));
}

/** [words of channels][rows][words][4 channels] words of four taps each, so that a load of 16 bytes gets those of four channels. */
function packedWeights({ weightCodes }: LinearTensors, g: Geometry, words: number): Int8Array {
  const channels = channelsOf(g);
  const packed = new Int8Array(channels.length * g.kernelHeight * words * 4);
  channels.forEach((channel, i) => {
    for (let row = 0; row < g.kernelHeight; row++) {
      for (let tap = 0; tap < g.kernelWidth; tap++) {
        const word = ((i >> 2) * g.kernelHeight + row) * words + (tap >> 2);
        packed[(word * 4 + (i & 3)) * 4 + (tap & 3)] = weightCodes[(row * g.kernelWidth + tap) * g.outputChannels + channel]!;
      }
    }
  });
  return packed;
}

function packedPadding(node: IntegerNode, g: Geometry): Int8Array {
  const codes = padCodes(node, g.inputChannels);
  return Int8Array.from(channelsOf(g), (channel) => codes[channel]!);
}

/** Biases less what the zero point of the input, `flipped` below itself, adds to the sums. */
function foldedBias(node: IntegerNode, { weightCodes, biasCodes, y }: LinearTensors, flipped: number): Int32Array {
  const channels = y.shape.at(-1)!;
  const sums = new Int32Array(channels);
  weightCodes.forEach((code, i) => (sums[i % channels]! += code));
  const zeroPoint = inputZeroPointOf(node) - flipped;
  return Int32Array.from(biasCodes, (b, i) => b - zeroPoint * sums[i % channels]!);
}
