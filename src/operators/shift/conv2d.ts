/** conv2d without multiplication: windows of several outputs side by side, and lists of taps that are added or subtracted. */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { cType, typeName } from '../views.js';
import { shiftRequantize } from './requantize.js';
import { halfWordRoom, weightStream } from './stream.js';

interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly groups: number;
}

function read(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
  return { t, g, groups: integerAttribute(node, 'groups', 1) };
}

/** Words a tap: two outputs each. Fewer where there are few outputs, memory counts, or registers of 8 bits hold none of them. */
function wordsPerTap(g: Geometry, { optimize, features }: Pick<KernelContext, 'optimize' | 'features'>): number {
  const pixels = g.outputHeight * g.outputWidth;
  return optimize === 'ram' || features.separateFlash || pixels <= 2 ? 1 : pixels <= 4 ? 2 : 4;
}

/** Largest magnitude of a code that a word may hold. */
export function inputReach(node: IntegerNode, t: LinearTensors, channels: number): number {
  const codes = [...t.x.codeRange, ...('pad' in node.attributes ? padCodes(node, channels) : [])];
  return Math.max(1, ...codes.map(Math.abs));
}

function instantiate({ graph, group, optimize, features }: KernelContext): KernelInstance {
  const [node] = group as readonly [IntegerNode];
  const { t, g, groups } = read(node, graph);
  const border = borderView(g, node);
  const words = wordsPerTap(g, { optimize, features });
  const { places, bias } = shiftRequantize(node, t, rowSums(t.weightCodes, g.outputChannels))!;
  const weights = groups === 1 ? t.weightCodes : ungrouped(t.weightCodes, g, groups);
  const taps = g.kernelHeight * g.kernelWidth * g.inputChannels;
  const [clampMin, clampMax] = node.requantize!.clamp;
  const view = {
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    lanes: lanesOf(words),
    words,
    wordShift: Math.log2(words),
    windows: 2 * words,
    padded: border.padded,
    classes: border.classes,
    clampMin,
    clampMax,
  };
  return {
    family: 'shift',
    template: 'shift/conv2d',
    stem: `conv2d_${typeName(t.x.type)}_shift`,
    view,
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weightStream(weights, places, halfWordRoom(inputReach(node, t, g.inputChannels))) },
      { kind: 'constant', name: 'bias', data: bias },
      ...(border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : []),
      ...(border.padded ? [paddingArgument(g, node, t.x.type)] : []),
      { kind: 'constant', name: 'shape', data: shapeOf(g, 2 * words) },
      { kind: 'scratch' },
    ],
    scratchBytes: 4 * words * taps,
    scalars: ['clamp'],
    overlap: slidingOverlap(g, t.x, t.y, { pixels: 2 * words }),
  };
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
function shapeOf(g: Geometry, windows: number): Int32Array {
  const row = g.inputWidth * g.inputChannels;
  return Int32Array.of(
    g.outputHeight * g.outputWidth, g.outputWidth, g.outputChannels, g.inputHeight, g.inputWidth, g.inputChannels,
    g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, -g.padTop, -g.padLeft,
    g.strideHeight * row, g.strideWidth * g.inputChannels, g.dilationHeight * row, g.dilationWidth * g.inputChannels,
    -g.padTop * row - g.padLeft * g.inputChannels, windows * g.outputChannels,
  );
}

export const shiftConv2d: Kernel = {
  family: 'shift',
  when({ graph, group }) {
    const [node] = group as readonly [IntegerNode];
    const { t, g } = read(node, graph);
    return t.x.type.bits <= 8 && shiftRequantize(node, t, rowSums(t.weightCodes, g.outputChannels)) !== null;
  },
  instantiate,
};
