/**
 * One channel at a time lies in scratch memory with its padding, two rows in each word: row y of the upper half of the
 * output's rows and its counterpart of the lower half, so that every sum serves two outputs. Columns stand in order of
 * their place within a stride, so that neighbouring outputs read neighbouring words.
 */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { KernelArgument } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { classOffsets, inputReach } from './layer.js';
import { type ShiftRequantize, shiftRequantize } from './requantize.js';
import { halfWordRoom } from './stream.js';

export interface DepthwiseLayer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  /** Null where it is not requantized by one shift a channel. */
  readonly requantize: ShiftRequantize | null;
  /** Most that the powers of two of a half word may add up to. */
  readonly room: number;
}

export function depthwiseLayer(node: IntegerNode, graph: IntegerGraph): DepthwiseLayer {
  const t = linearTensors(node, graph);
  const [height, width, inputChannels, multiplier] = t.weights.shape as [number, number, number, number];
  const outputChannels = inputChannels * multiplier;
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
  const sums = new Array<number>(outputChannels).fill(0);
  t.weightCodes.forEach((code, i) => {
    sums[i % outputChannels]! += code;
  });
  return { t, g, requantize: shiftRequantize(node, t, sums), room: halfWordRoom(inputReach(node, t, inputChannels)) };
}

/** How one channel lies in scratch memory, in words. */
export interface Plane {
  readonly halfRows: number;
  readonly rows: number;
  /** Columns of one place within a stride. */
  readonly phaseColumns: number;
  /** From a row to the next. */
  readonly pitch: number;
  /** Stretches that are summed in one go: all rows where they follow each other without stride, else a row each. */
  readonly runs: number;
  /** Where a run goes on with the next row. */
  readonly wrap: number;
  readonly runWords: number;
  readonly words: number;
}

/** `words`: that many are summed together, the last ones beyond the plane. */
export function planeOf(g: Geometry, words: number): Plane {
  const halfRows = Math.ceil(g.outputHeight / 2);
  const rows = (halfRows - 1) * g.strideHeight + (g.kernelHeight - 1) * g.dilationHeight + 1;
  const reach = Math.floor(((g.kernelWidth - 1) * g.dilationWidth) / g.strideWidth);
  const phaseColumns = g.outputWidth + reach;
  const isFlat = g.strideHeight === 1 && g.strideWidth === 1;
  // The padding after a row is the padding before the next one.
  const shared = isFlat ? Math.min(g.padLeft, Math.max(0, phaseColumns - g.padLeft - g.inputWidth)) : 0;
  const pitch = phaseColumns * g.strideWidth - shared;
  const runWords = isFlat ? (halfRows - 1) * pitch + g.outputWidth : g.outputWidth;
  return { halfRows, rows, phaseColumns, pitch, wrap: isFlat ? pitch : g.outputWidth + 1, runs: isFlat ? 1 : halfRows, runWords, words: rows * pitch + shared + words };
}

/** Distance of every tap's word from the first. */
export function tapPlaces(g: Geometry, plane: Plane): readonly number[] {
  const places: number[] = [];
  for (let ky = 0; ky < g.kernelHeight; ky++) {
    for (let kx = 0; kx < g.kernelWidth; kx++) {
      const x = kx * g.dilationWidth;
      places.push(ky * g.dilationHeight * plane.pitch + (x % g.strideWidth) * plane.phaseColumns + Math.floor(x / g.strideWidth));
    }
  }
  return places;
}

/** Parameters behind the weights: biases with the classes of the borders, padding, sizes, scratch memory. */
export function planeArguments(node: IntegerNode, { t, g, requantize }: DepthwiseLayer, plane: Plane): readonly KernelArgument[] {
  const border = borderView(g, node);
  return [
    { kind: 'constant', name: 'bias', data: requantize!.bias },
    ...(border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : []),
    paddingArgument(g, node, t.x.type),
    { kind: 'constant', name: 'shape', data: shapeOf(g, plane) },
    { kind: 'scratch' },
  ];
}

/** Sizes and steps in elements, so that the kernel's addresses need additions only. */
function shapeOf(g: Geometry, p: Plane): Int32Array {
  const row = g.inputWidth * g.inputChannels;
  const half = p.halfRows * g.strideHeight;
  return Int32Array.of(
    g.outputChannels, g.outputChannels / g.inputChannels, p.runs, p.runWords, g.outputWidth, p.wrap, g.strideHeight * p.pitch,
    g.outputHeight - p.halfRows, p.halfRows * g.outputWidth * g.outputChannels, p.rows, p.halfRows,
    -g.padTop, -g.padTop * row - g.padLeft * g.inputChannels, half, g.inputHeight, g.inputWidth, -g.padLeft, g.strideWidth,
    p.phaseColumns, half * row, g.strideWidth * g.inputChannels, g.inputChannels, row, p.pitch,
  );
}
