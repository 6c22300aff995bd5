/**
 * Weights of 4 or 2 bits for fully connected layers: a word holds the taps of two channels, one in each half. Shifted and
 * masked, a code of either channel stands in its half, and one product serves both. The codes are stored without a sign:
 * Σ w·x = Σ (w + 2^(bits−1))·x − 2^(bits−1)·Σ x, where Σ x is one number a row.
 */
import type { Codes } from '../../graph/integer.js';
import type { LinearTensors } from '../linear/integer.js';
import { type PackedBits, packWord } from '../packing.js';

/** Channels of a pass. */
export const BLOCK = 4;

/** How the weights lie in flash, and the fields of the sums that read them. */
export interface DenseLayout {
  readonly variant: string;
  /** Values of a row, up to whole steps. */
  readonly taps: number;
  readonly weights: Codes;
  readonly view: object;
}

/** Taps whose sums fit 16 bits: 16·15·128 < 2^15. */
const STEP = 16;
const CHANNELS_IN_WORD = 2;
const PAIRS = BLOCK / CHANNELS_IN_WORD;

/** Weights [O, depth] as [O/4][taps/perWord][2] words. */
function packedWeights(t: LinearTensors, [channels, depth]: readonly [number, number], taps: number, bits: PackedBits): Int32Array {
  const perWord = 16 / bits;
  const unsigned = (channel: number, k: number) => (channel < channels && k < depth ? t.weightCodes[channel * depth + k]! : 0) + 2 ** (bits - 1);
  const wordOf = (channel: number, k: number) => {
    const codes = [channel, channel + 1].flatMap((c) => Array.from({ length: perWord }, (_, i) => unsigned(c, k + i)));
    return packWord(codes, bits);
  };
  const words: number[] = [];
  for (let first = 0; first < channels; first += BLOCK) {
    for (let k = 0; k < taps; k += perWord) {
      for (let pair = 0; pair < PAIRS; pair++) words.push(wordOf(first + CHANNELS_IN_WORD * pair, k));
    }
  }
  return Int32Array.from(words);
}

export function packedDense(t: LinearTensors, [channels, depth]: readonly [number, number], bits: PackedBits): DenseLayout {
  const perWord = 16 / bits;
  const taps = STEP * Math.ceil(depth / STEP);
  const tapViews = Array.from({ length: STEP }, (_, k) => {
    const lane = k % 4;
    const within = k % perWord;
    return { k, loadsValues: lane === 0, isLowest: lane === 0, isHighest: lane === 3, left: 24 - 8 * lane, loadsCodes: within === 0, isLastCode: within === perWord - 1, shift: bits * within };
  });
  const pairs = Array.from({ length: PAIRS }, (_, index) => ({ index, sums: `pair${index}`, both: `both${index}`, upper: `highs${index}`, low: CHANNELS_IN_WORD * index, high: CHANNELS_IN_WORD * index + 1 }));
  return {
    variant: `blocks_packed${bits}`,
    taps,
    weights: packedWeights(t, [channels, depth], taps, bits),
    view: {
      isPacked: true,
      weightType: 'int32_t',
      pairs,
      wordTaps: tapViews.slice(0, perWord),
      taps: tapViews,
      perWord,
      step: STEP,
      pairCount: PAIRS,
      mask: (2 ** bits - 1) * 65537,
      codeOffset: 2 ** (bits - 1),
    },
  };
}
