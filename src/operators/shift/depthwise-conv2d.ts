/**
 * depthwise-conv2d without multiplication. One channel at a time lies in scratch memory with its padding, two rows in each
 * word: row y of the upper half of the output's rows and its counterpart of the lower half, so that every sum serves two
 * outputs. Columns stand in order of their place within a stride, so that neighbouring outputs read neighbouring words.
 */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { inPlaceInputs } from '../binary.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { cType, typeName } from '../views.js';
import { classOffsets, inputReach, lanesOf } from './conv2d.js';
import { type ShiftRequantize, shiftRequantize } from './requantize.js';
import { halfWordRoom, weightStream } from './stream.js';

/** Words that are summed together; registers of 8 bits hold no more than one. */
function wordsOf({ separateFlash }: KernelContext['features']): number {
  return separateFlash ? 1 : 4;
}

interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly requantize: ShiftRequantize | null;
}

function read(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  const [height, width, inputChannels, multiplier] = t.weights.shape as [number, number, number, number];
  const outputChannels = inputChannels * multiplier;
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
  const sums = new Array<number>(outputChannels).fill(0);
  t.weightCodes.forEach((code, i) => {
    sums[i % outputChannels]! += code;
  });
  return { t, g, requantize: shiftRequantize(node, t, sums) };
}

/** How one channel lies in scratch memory, in words. */
interface Plane {
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

function planeOf(g: Geometry, words: number): Plane {
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

/** Weights of every output channel by their word's distance from the first. */
function spread(t: LinearTensors, g: Geometry, plane: Plane): Int16Array {
  const places: number[] = [];
  for (let ky = 0; ky < g.kernelHeight; ky++) {
    for (let kx = 0; kx < g.kernelWidth; kx++) {
      const x = kx * g.dilationWidth;
      places.push(ky * g.dilationHeight * plane.pitch + (x % g.strideWidth) * plane.phaseColumns + Math.floor(x / g.strideWidth));
    }
  }
  const span = Math.max(...places) + 1;
  const laid = new Int16Array(g.outputChannels * span);
  places.forEach((place, tap) => {
    for (let o = 0; o < g.outputChannels; o++) laid[o * span + place] = t.weightCodes[tap * g.outputChannels + o]!;
  });
  return laid;
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

function instantiate(node: IntegerNode, graph: IntegerGraph, words: number): KernelInstance {
  const { t, g, requantize } = read(node, graph);
  const { places, bias } = requantize!;
  const border = borderView(g, node);
  const plane = planeOf(g, words);
  const [clampMin, clampMax] = node.requantize!.clamp;
  return {
    family: 'shift',
    template: 'shift/depthwise-conv2d',
    stem: `depthwise_conv2d_${typeName(t.x.type)}_shift`,
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), lanes: lanesOf(words), words, wordShift: 0, windows: 2 * words, classes: border.classes, clampMin, clampMax },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weightStream(spread(t, g, plane), places, halfWordRoom(inputReach(node, t, g.inputChannels))) },
      { kind: 'constant', name: 'bias', data: bias },
      ...(border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : []),
      paddingArgument(g, node, t.x.type),
      { kind: 'constant', name: 'shape', data: shapeOf(g, plane) },
      { kind: 'scratch' },
    ],
    scratchBytes: 4 * plane.words,
    scalars: ['clamp'],
    inPlace: inPlaceInputs({ ...node, inputs: [node.inputs[0]!] }, graph),
  };
}

export const shiftDepthwiseConv2d: Kernel = {
  family: 'shift',
  when({ graph, group }) {
    const { t, requantize } = read(group[0]!, graph);
    return t.x.type.bits <= 8 && requantize !== null;
  },
  instantiate: ({ graph, group, features }) => instantiate(group[0]!, graph, wordsOf(features)),
};
