/**
 * Sums of signed powers of two as rows: what one word of partial sums adds up. A word holds the sums of two windows,
 * s0 + s1·2^16, and wraps to 32 bits on the way as often as it likes: only at its end must both sums fit 16 bits.
 */
import type { Codes } from '../../../graph/integer.js';
import { signedDigits } from '../digits.js';
import type { Core } from './core.js';
import { costOfSegment } from './program.js';

/** ±2^exponent times the word of a column. */
export interface Digit {
  readonly column: number;
  readonly exponent: number;
  readonly sign: 1 | -1;
}

/** One row an output; exponents are relative to the segment's. */
export interface Segment {
  readonly exponent: number;
  readonly rows: readonly (readonly Digit[])[];
}

/** A stretch of columns. */
interface Chunk {
  readonly from: number;
  readonly to: number;
}

/** Instructions of a segment at its end, for each output: two sums part, are shifted and added. */
const PART_INSTRUCTIONS = 9;

/**
 * The cheapest segments whose sums provably fit: columns in chunks of equal length, and for each chunk its exponents in
 * stretches. `room`: most that the powers of two of a row may add up to.
 */
export function planSegments(weights: Codes, outputs: number, room: number, core: Core): readonly Segment[] {
  const depth = weights.length / outputs;
  const digits = digitsOf(weights, outputs);
  let best: { readonly segments: readonly Segment[]; readonly cost: number } | null = null;
  let misses = 0;
  for (const size of chunkSizes(depth, room)) {
    const parts = chunks(depth, size).map((chunk) => cheapestRanges(digits, chunk, room, core));
    const cost = parts.reduce((sum, part) => sum + part.cost, 0);
    if (!best || cost < best.cost) best = { segments: parts.flatMap((part) => part.segments), cost };
    // Smaller chunks soon cost more again.
    else if (++misses === 2) break;
  }
  return best!.segments;
}

function digitsOf(weights: Codes, outputs: number): readonly (readonly Digit[])[] {
  const depth = weights.length / outputs;
  return Array.from({ length: outputs }, (_, o) =>
    Array.from(weights.subarray(o * depth, (o + 1) * depth), (weight, column) => signedDigits(weight).map(({ sign, exponent }) => ({ column, exponent, sign }))).flat(),
  );
}

/** Largest first. No more columns than a row has room for, so that a single exponent always fits. */
function chunkSizes(depth: number, room: number): readonly number[] {
  const counts = [1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48, 64, 96, 128, depth];
  const sizes = counts.filter((count) => count <= depth).map((count) => Math.ceil(depth / count));
  return [...new Set(sizes.map((size) => Math.min(size, room)))];
}

function chunks(depth: number, size: number): readonly Chunk[] {
  return Array.from({ length: Math.ceil(depth / size) }, (_, i) => ({ from: i * size, to: Math.min(depth, (i + 1) * size) }));
}

/** Exponents of one chunk in stretches, by dynamic programming over where the last one begins. */
function cheapestRanges(digits: readonly (readonly Digit[])[], { from, to }: Chunk, room: number, core: Core): { readonly segments: readonly Segment[]; readonly cost: number } {
  const inside = digits.map((row) => row.filter(({ column }) => column >= from && column < to));
  const exponents = inside.reduce((most, row) => row.reduce((m, { exponent }) => Math.max(m, exponent + 1), most), 1);
  const best: { readonly segments: readonly Segment[]; readonly cost: number }[] = [{ segments: [], cost: 0 }];
  for (let end = 1; end <= exponents; end++) {
    for (let start = end - 1; start >= 0; start--) {
      const segment = segmentOf(inside, start, end);
      if (largestRow(segment) > room) break;
      const cost = best[start]!.cost + costOfSegment(segment, core) + PART_INSTRUCTIONS * segment.rows.length;
      if (!best[end] || cost < best[end].cost) best[end] = { segments: [...best[start]!.segments, segment], cost };
    }
  }
  return best[exponents]!;
}

function segmentOf(rows: readonly (readonly Digit[])[], start: number, end: number): Segment {
  const inside = rows.map((row) => row.filter(({ exponent }) => exponent >= start && exponent < end));
  return { exponent: start, rows: inside.map((row) => row.map((digit) => ({ ...digit, exponent: digit.exponent - start }))) };
}

/** Times the largest code this bounds the magnitude of the segment's sums. */
export function largestRow({ rows }: Segment): number {
  return rows.reduce((most, row) => Math.max(most, row.reduce((sum, { exponent }) => sum + 2 ** exponent, 0)), 0);
}
