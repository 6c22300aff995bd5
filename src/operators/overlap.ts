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
  /** Output pixels in a row whose reads and writes may come in any order; 1 unless said. */
  readonly pixels?: number;
}

/** Overlap of a kernel that computes its output in order, pixel by pixel, from a window around the same place of input 0. */
export function slidingOverlap(g: SlidingWindow, input: IntegerTensor, output: IntegerTensor, { block = g.outputChannels, pixels = 1 }: SlidingOptions = {}): readonly KernelOverlap[] {
  if (!mayShare(input, output)) return [];
  const [inputLane, outputLane] = [laneBytes(input.type), laneBytes(output.type)];
  const accesses: Access[] = [];
  for (let y = 0; y < g.outputHeight; y++) {
    const row = Math.max(0, y * g.strideHeight - g.padTop);
    for (let x = 0; x < g.outputWidth; x += pixels) {
      const column = Math.max(0, x * g.strideWidth - g.padLeft);
      const from = (row * g.inputWidth + column) * g.inputChannels * inputLane;
      const end = (y * g.outputWidth + Math.min(x + pixels, g.outputWidth)) * g.outputChannels;
      // Until the last block of the pixels is written, the window is read again.
      if (pixels > 1 || block < g.outputChannels) accesses.push({ from, to: (pixels > 1 ? end : end - block) * outputLane });
      accesses.push({ from, to: end * outputLane });
    }
  }
  return [{ input: 0, distanceBytes: overlapDistance(accesses, elementCount(input.shape) * inputLane) }];
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
