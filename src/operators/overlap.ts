/**
 * Safe distances between an output and an input that it overwrites: exact, from the order in which a kernel reads and
 * writes. `test/operators/overlap.test.ts` replays every read and write on random geometries.
 */
import { elementCount } from '../graph/float.js';
import { type IntegerTensor, laneBytes } from '../graph/integer.js';
import type { KernelOverlap } from './kernel.js';

/** One piece of work in order: reads no byte before `from` of the input, then writes bytes before `to` of the output. */
export interface Access {
  /** Infinity: reads nothing. */
  readonly from: number;
  readonly to: number;
}

/**
 * Least d such that no write hits a byte that is read later when the output starts at least d bytes before the input.
 * −Infinity never comes out: the result is at least −(bytes of the input).
 */
export function overlapDistance(accesses: readonly Access[], inputBytes: number): number {
  let distance = -inputBytes;
  let later = Infinity;
  for (let i = accesses.length - 1; i >= 0; i--) {
    const { from, to } = accesses[i]!;
    if (later !== Infinity) distance = Math.max(distance, to - later);
    later = Math.min(later, from);
  }
  return distance;
}

/** A window that slides in the order of the output, all sizes in elements. */
export interface SlidingWindow {
  readonly inputHeight: number;
  readonly inputWidth: number;
  readonly inputChannels: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly padTop: number;
  readonly padLeft: number;
  readonly outputHeight: number;
  readonly outputWidth: number;
  readonly outputChannels: number;
}

export interface SlidingOptions {
  /** Output channels that a kernel writes before it reads the window again; all of them unless said. */
  readonly block?: number;
  /** Output pixels, counted through all rows, whose windows are all read before one of them is written; 1 unless said. */
  readonly pixels?: number;
  /** A last group that lacks pixels starts earlier and computes some of them again. */
  readonly overlappingTail?: boolean;
}

/** Overlap of a kernel that computes its output in order, pixel by pixel, from a window around the same place of input 0. */
export function slidingOverlap(g: SlidingWindow, input: IntegerTensor, output: IntegerTensor, options: SlidingOptions = {}): readonly KernelOverlap[] {
  if (!mayShare(input, output)) return [];
  const { block = g.outputChannels, pixels = 1, overlappingTail = false } = options;
  const [inputLane, outputLane] = [laneBytes(input.type), laneBytes(output.type)];
  const starts = windowStarts(g).map((element) => element * inputLane);
  const accesses: Access[] = [];
  for (let done = 0; done < starts.length; done += pixels) {
    const first = overlappingTail ? Math.max(0, Math.min(done, starts.length - pixels)) : done;
    const end = Math.min(first + pixels, starts.length);
    const from = Math.min(...starts.slice(first, end));
    // Until the last block is written, the windows are read again.
    if (block < g.outputChannels) accesses.push({ from, to: (end * g.outputChannels - block) * outputLane });
    accesses.push({ from, to: end * g.outputChannels * outputLane });
  }
  return [{ input: 0, distanceBytes: overlapDistance(accesses, elementCount(input.shape) * inputLane) }];
}

/** First element of the window of every output pixel. */
function windowStarts(g: SlidingWindow): readonly number[] {
  return Array.from({ length: g.outputHeight * g.outputWidth }, (_, pixel) => {
    const row = Math.max(0, Math.floor(pixel / g.outputWidth) * g.strideHeight - g.padTop);
    const column = Math.max(0, (pixel % g.outputWidth) * g.strideWidth - g.padLeft);
    return (row * g.inputWidth + column) * g.inputChannels;
  });
}

/** Overlap of a kernel that computes rows of `channels` outputs from rows of `depth` inputs, in order. */
export function rowsOverlap(rows: number, depth: number, channels: number, input: IntegerTensor, output: IntegerTensor, options: SlidingOptions = {}): readonly KernelOverlap[] {
  const g = { inputHeight: 1, inputWidth: rows, inputChannels: depth, strideHeight: 1, strideWidth: 1, padTop: 0, padLeft: 0, outputHeight: 1, outputWidth: rows, outputChannels: channels };
  return slidingOverlap(g, input, output, options);
}

/** C compilers may reorder accesses of different types, unless one of them is a byte. */
export function mayShare(input: IntegerTensor, output: IntegerTensor): boolean {
  const [a, b] = [laneBytes(input.type), laneBytes(output.type)];
  return !input.constant && !input.type.packed && !output.type.packed && (a === b || a === 1 || b === 1);
}
