/**
 * Weights of 4 or 2 bits for the kernel of pairs.ts, eight or sixteen taps of a channel to a word. Their products are so small
 * that the sums of a whole step fit 16 bits, and are taken apart once a step instead of once every two taps.
 */
import type { LinearTensors } from '../linear/integer.js';
import { type PackedBits, packWord } from '../packing.js';

interface TapView {
  /** Places of the words of both pairs. */
  readonly even: number;
  readonly odd: number;
  readonly first: boolean;
  /** Ends its word of weights. */
  readonly last: boolean;
  /** Shift that brings the code to the top of a word. */
  readonly left: number;
}

/** Fields of the partials pair-sums-packed and pair-sums-packed-thumb. */
export interface PackedStep {
  /** Shift from the top of a word to its bottom. */
  readonly right: number;
  readonly words: readonly { readonly index: number; readonly codes: readonly { readonly index: number; readonly word: number }[]; readonly taps: readonly TapView[] }[];
  readonly stepTaps: number;
  readonly stepWords: number;
  readonly stepWeights: number;
}

/** Taps of the longest step: a sum of 16 products of 4 and 8 bits is at most 16·8·255 < 2^15, and a short branch reaches back over them. */
const MOST_TAPS = 16;

/** One word of every channel of the block is a step; two where rows are that long, sums that small and all is assembly. */
export function packedStep(bits: PackedBits, depth: number, block: number, lowRegisters: boolean): PackedStep {
  const perWord = 32 / bits;
  const count = lowRegisters && depth % MOST_TAPS === 0 ? MOST_TAPS / perWord : 1;
  const words = Array.from({ length: count }, (_, index) => ({
    index,
    codes: Array.from({ length: block }, (_lane, lane) => ({ index: lane, word: block * index + lane })),
    taps: Array.from({ length: perWord }, (_tap, k) => {
      const tap = perWord * index + k;
      return { even: 2 * tap, odd: 2 * tap + 1, first: tap === 0, last: k === perWord - 1, left: 32 - bits * (k + 1) };
    }),
  }));
  const stepTaps = perWord * count;
  return { right: 32 - bits, words, stepTaps, stepWords: 2 * stepTaps, stepWeights: block * count };
}

/** Taps of a channel, with those that are added: their weights are 0. */
export function packedTaps(depth: number, { stepTaps }: PackedStep): number {
  return stepTaps * Math.ceil(depth / stepTaps);
}

/** Weights [O, depth] as [O/block][taps/perWord][block] words. */
export function packedWeights(t: LinearTensors, outputs: number, block: number, taps: number, bits: PackedBits): Int32Array {
  const depth = t.weightCodes.length / outputs;
  const perWord = 32 / bits;
  const wordOf = (channel: number, from: number) =>
    packWord(Array.from({ length: perWord }, (_, i) => (from + i < depth ? t.weightCodes[channel * depth + from + i]! : 0)), bits);
  const words: number[] = [];
  for (let first = 0; first < outputs; first += block) {
    for (let k = 0; k < taps; k += perWord) {
      for (let lane = 0; lane < block; lane++) words.push(wordOf(first + lane, k));
    }
  }
  return Int32Array.from(words);
}
