/**
 * Constants in the order in which a kernel consumes them, so that one pointer walks through all of them. For every block of
 * output channels: their biases; their weights, four values of each channel in turn (int8: one word; else lanes, values 0 and 2
 * of each, then 1 and 3 of each, the order in which they are read: 16 bits one after the other, packed codes as many a word as
 * it holds); then for each channel multiplier, addend and, where channels have shifts of their own, shift. Rows end with zeros
 * up to a whole word.
 */
import { packLanes, packWord } from '../packing.js';
import type { EpilogueChannel } from './epilogue.js';
import type { WeightStorage } from './storage.js';

export interface StreamSource {
  /** Weights of output channel `channel` as one row, `depth` long. */
  readonly row: (channel: number) => ArrayLike<number>;
  /** With the zeros at the end. */
  readonly depth: number;
  /** Bias with the input's offset folded in, at the scale of the lanes; any integer, it wraps to 32 bits as sums do. */
  readonly bias: (channel: number) => number;
  readonly channels: readonly EpilogueChannel[];
  readonly shifted: boolean;
  /** Of a weight, and what those of 16 bits are multiplied by. */
  readonly bits: WeightStorage['bits'];
  readonly factor: (channel: number) => number;
}

/** Channels in blocks of `size`; where they do not divide, the last block reaches back into the one before. */
export function channelBlocks(channels: number, size: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(channels / size) }, (_, i) => {
    const first = Math.min(i * size, channels - size);
    return Array.from({ length: size }, (_, lane) => first + lane);
  });
}

/** Words of the weights of a block of `size` channels. */
export function weightWords({ depth, bits }: Pick<StreamSource, 'depth' | 'bits'>, size: number): number {
  return (size * 4 * Math.ceil(depth / 4) * bits) / 32;
}

/** Words of one block of `size` channels. */
export function blockWords(source: Pick<StreamSource, 'depth' | 'shifted' | 'bits'>, size: number): number {
  return weightWords(source, size) + size * (source.shifted ? 4 : 3);
}

/** The stream of the given blocks, all of the same size. */
export function packBlocks(source: StreamSource, blocks: readonly (readonly number[])[]): Int32Array {
  const out = new Int32Array(blocks.reduce((sum, block) => sum + blockWords(source, block.length), 0));
  let at = 0;
  const append = (words: Iterable<number>) => {
    for (const word of words) out[at++] = word;
  };
  for (const block of blocks) {
    append(block.map((channel) => source.bias(channel)));
    append(source.bits === 8 ? byteWords(source, block) : laneWords(source, block));
    for (const channel of block) {
      const { multiplier, addend, shift } = source.channels[channel]!;
      append([multiplier, addend, ...(source.shifted ? [shift] : [])]);
    }
  }
  return out;
}

/** Four values of each channel from value `k` on. */
function valuesAt({ row, factor, bits }: StreamSource, block: readonly number[], k: number): readonly (readonly number[])[] {
  return block.map((channel) => [0, 1, 2, 3].map((i) => (row(channel)[k + i] ?? 0) * (bits === 16 ? factor(channel) : 1)));
}

function* byteWords(source: StreamSource, block: readonly number[]): Generator<number> {
  for (let k = 0; k < source.depth; k += 4) for (const values of valuesAt(source, block, k)) yield packWord(values, 8);
}

function* laneWords(source: StreamSource, block: readonly number[]): Generator<number> {
  const pairsAWord = 16 / source.bits;
  let pairs: (readonly [number, number])[] = [];
  for (let k = 0; k < source.depth; k += 4) {
    const values = valuesAt(source, block, k);
    for (const i of [0, 1]) for (const v of values) pairs.push([v[i]!, v[i + 2]!]);
    while (pairs.length >= pairsAWord) {
      yield packLanes(pairs.slice(0, pairsAWord), source.bits);
      pairs = pairs.slice(pairsAWord);
    }
  }
}
