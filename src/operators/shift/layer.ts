/** What the convolutions without multiplication have in common: geometry, words of windows, biases by class, steps of addresses. */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { KernelArgument } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import { type ShiftRequantize, shiftRequantize } from './requantize.js';
import { halfWordRoom } from './stream.js';

/** A convolution of all channels. */
export interface ConvolutionLayer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  /** Null where it is not requantized by one shift a channel. */
  readonly requantize: ShiftRequantize | null;
  /** Weights [outputs][height · width · inputs], those of groups spread over all inputs. */
  readonly weights: Codes;
  /** Most that the powers of two of a half word may add up to. */
  readonly room: number;
}

const known = new WeakMap<IntegerNode, ConvolutionLayer>();

/** Read once a node: layers are asked for their kernels many times. */
export function convolutionLayer(node: IntegerNode, graph: IntegerGraph): ConvolutionLayer {
  const found = known.get(node) ?? readLayer(node, graph);
  known.set(node, found);
  return found;
}

function readLayer(node: IntegerNode, graph: IntegerGraph): ConvolutionLayer {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
  const groups = integerAttribute(node, 'groups', 1);
  return {
    t,
    g,
    requantize: shiftRequantize(node, t, rowSums(t.weightCodes, outputChannels)),
    weights: groups === 1 ? t.weightCodes : ungrouped(t.weightCodes, g, groups),
    room: halfWordRoom(inputReach(node, t, g.inputChannels)),
  };
}

/** Largest magnitude of a code that a word may hold. */
export function inputReach(node: IntegerNode, t: LinearTensors, channels: number): number {
  const codes = [...t.x.codeRange, ...('pad' in node.attributes ? padCodes(node, channels) : [])];
  return Math.max(1, ...codes.map(Math.abs));
}

/** Parameters behind the weights: biases with the classes of the borders, padding, sizes, scratch memory. */
export function windowArguments(node: IntegerNode, { t, g, requantize }: ConvolutionLayer, windows: number): readonly KernelArgument[] {
  const border = borderView(g, node);
  return [
    { kind: 'constant', name: 'bias', data: requantize!.bias },
    ...(border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : []),
    ...(border.padded ? [paddingArgument(g, node, t.x.type)] : []),
    { kind: 'constant', name: 'shape', data: shapeOf(g, windows) },
    { kind: 'scratch' },
  ];
}

/** Weights of 0 take no tap, so that every output channel may look at all input channels. */
function ungrouped(codes: Codes, g: Geometry, groups: number): Int16Array {
  const depth = g.inputChannels / groups;
  const windows = g.kernelHeight * g.kernelWidth;
  const full = new Int16Array(g.outputChannels * windows * g.inputChannels);
  codes.forEach((code, i) => {
    const [c, tap, o] = [i % depth, Math.floor(i / depth) % windows, Math.floor(i / (depth * windows))];
    const group = Math.floor((o * groups) / g.outputChannels);
    full[(o * windows + tap) * g.inputChannels + group * depth + c] = code;
  });
  return full;
}

interface LaneView {
  readonly index: number;
  readonly lower: number;
  readonly upper: number;
}

/** Words of a tap, and the two windows that each of them serves. */
export function lanesOf(words: number): readonly LaneView[] {
  return Array.from({ length: words }, (_, index) => ({ index, lower: 2 * index, upper: 2 * index + 1 }));
}

/** Where the biases of a row's and of a column's class begin. */
export function classOffsets(node: IntegerNode, channels: number, columnClasses: number): readonly KernelArgument[] {
  const { rows, columns } = biasClassesOf(node)!;
  return [
    { kind: 'constant', name: 'row_bias', data: Int32Array.from(rows, (c) => c * columnClasses * channels) },
    { kind: 'constant', name: 'column_bias', data: Int32Array.from(columns, (c) => c * channels) },
  ];
}

/** Sizes and steps in elements, so that the kernel's addresses need additions only. */
export function shapeOf(g: Geometry, windows: number): Int32Array {
  const row = g.inputWidth * g.inputChannels;
  return Int32Array.of(
    g.outputHeight * g.outputWidth, g.outputWidth, g.outputChannels, g.inputHeight, g.inputWidth, g.inputChannels,
    g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, -g.padTop, -g.padLeft,
    g.strideHeight * row, g.strideWidth * g.inputChannels, g.dilationHeight * row, g.dilationWidth * g.inputChannels,
    -g.padTop * row - g.padLeft * g.inputChannels, windows * g.outputChannels,
  );
}
