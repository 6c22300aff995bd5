/** conv2d-transpose without multiplication: a plain convolution by lists of taps for every phase of the stride. */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import type { Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import { cType, typeName } from '../views.js';
import { lanesOf, shapeOf } from './layer.js';
import { type Phase, transposedPhases } from './phases.js';
import { listRequantize, type ListRequantize } from './requantize.js';
import { halfWordRoom, weightStream } from './stream.js';

export interface TransposedLayer {
  readonly t: LinearTensors;
  readonly g: Geometry;
}

export type TransposedReader = (node: IntegerNode, graph: IntegerGraph) => TransposedLayer;

/** Weights [O, kh·kw, C] of the taps of one phase. */
function phaseWeights(codes: Codes, g: Geometry, taps: readonly number[]): Int16Array {
  const depth = g.inputChannels;
  const all = g.kernelHeight * g.kernelWidth;
  const own = new Int16Array(g.outputChannels * taps.length * depth);
  for (let o = 0; o < g.outputChannels; o++) {
    taps.forEach((tap, i) => {
      const from = (o * all + tap) * depth;
      own.set(codes.subarray(from, from + depth), (o * taps.length + i) * depth);
    });
  }
  return own;
}

/** Steps of the plain convolution, then the first output, and the elements to the next column's and the next row's. */
export function phaseShape({ geometry, top, left }: Phase, g: Geometry, windows: number): readonly number[] {
  const row = g.outputWidth * g.outputChannels;
  return [...shapeOf(geometry, windows), top * row + left * g.outputChannels, g.strideWidth * g.outputChannels, g.strideHeight * row];
}

function wordsPerTap(phases: readonly Phase[], { optimize, features }: KernelContext): number {
  const pixels = Math.max(...phases.map(({ geometry }) => geometry.outputHeight * geometry.outputWidth));
  return optimize === 'ram' || features.separateFlash || pixels <= 2 ? 1 : pixels <= 4 ? 2 : 4;
}

export interface PhaseConstants extends Pick<ListRequantize, 'folded' | 'zeroPoint' | 'bias'> {
  readonly weights: Uint8Array;
}

/**
 * Lists of taps and biases [phases, O]: what the zero point of the input adds hangs on the taps. `room`: of a segment. Null where
 * the node is not requantized by one shift a channel.
 */
export function phaseConstants(node: IntegerNode, { t, g }: TransposedLayer, room: number): PhaseConstants | null {
  const parts: (ListRequantize & { readonly stream: Uint8Array })[] = [];
  for (const { taps } of transposedPhases(g)) {
    const weights = phaseWeights(t.weightCodes, g, taps);
    const requantize = listRequantize(node, t, rowSums(weights, g.outputChannels));
    if (!requantize) return null;
    parts.push({ ...requantize, stream: weightStream(weights, requantize.places, room) });
  }
  const { folded, zeroPoint } = parts[0]!;
  return { folded, zeroPoint, weights: Uint8Array.from(parts.flatMap(({ stream }) => [...stream])), bias: Int32Array.from(parts.flatMap(({ bias }) => [...bias])) };
}

/** A pixel in lanes of the input. */
export function zerosOf({ x }: LinearTensors, { inputChannels }: Geometry): Int8Array | Uint8Array | Int16Array {
  if (x.type.bits > 8) return new Int16Array(inputChannels);
  return x.type.signed ? new Int8Array(inputChannels) : new Uint8Array(inputChannels);
}

function roomOf(node: IntegerNode, { t }: TransposedLayer): number {
  return halfWordRoom(Math.max(1, ...[...t.x.codeRange, inputZeroPointOf(node)].map(Math.abs)));
}

function instantiate(context: KernelContext, { t, g }: TransposedLayer): KernelInstance {
  const node = context.group[0]!;
  const phases = transposedPhases(g);
  const words = wordsPerTap(phases, context);
  const { weights, bias } = phaseConstants(node, { t, g }, roomOf(node, { t, g }))!;
  const shapes = phases.map((phase) => phaseShape(phase, g, 2 * words));
  const [clampMin, clampMax] = node.requantize!.clamp;
  return {
    family: 'shift',
    template: 'shift/conv2d-transpose',
    stem: `conv2d_transpose_${typeName(t.x.type)}_shift`,
    view: {
      inputType: cType(t.x.type),
      outputType: cType(t.y.type),
      phases: phases.length,
      shapeLength: shapes[0]!.length,
      lanes: lanesOf(words),
      words,
      wordShift: Math.log2(words),
      windows: 2 * words,
      padded: true,
      classes: false,
      clampMin,
      clampMax,
    },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weights },
      { kind: 'constant', name: 'bias', data: bias },
      { kind: 'constant', name: 'padding', data: zerosOf(t, g).fill(inputZeroPointOf(node)) },
      { kind: 'constant', name: 'shape', data: Int32Array.from(shapes.flat()) },
      { kind: 'scratch' },
    ],
    scratchBytes: 4 * words * Math.max(1, ...phases.map(({ taps }) => taps.length * g.inputChannels)),
    scalars: ['clamp'],
  };
}

export function shiftTransposed(read: TransposedReader): Kernel {
  return {
    family: 'shift',
    when({ graph, group }) {
      const layer = read(group[0]!, graph);
      return layer.t.x.type.bits <= 8 && phaseConstants(group[0]!, layer, roomOf(group[0]!, layer))?.folded === true;
    },
    instantiate: (context) => instantiate(context, read(context.group[0]!, context.graph)),
  };
}
