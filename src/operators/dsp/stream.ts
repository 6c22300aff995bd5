/**
 * Constants in the order in which a kernel consumes them, so that one pointer walks through all of them. For every block of
 * output channels: their biases; their weights, four values of each channel in turn (int8: one word; int16: values 0 and 2 of
 * each, then 1 and 3 of each, the order of the lanes); then for each channel multiplier,
 * addend and, where channels have shifts of their own, shift. Rows whose length is no multiple of four end with zeros.
 */
import type { EpilogueChannel } from './epilogue.js';

export interface StreamSource {
  /** Weights of output channel `channel` as one row, `depth` long. */
  readonly row: (channel: number) => ArrayLike<number>;
  readonly depth: number;
  /** Bias with the input's offset folded in, at the scale of the lanes; any integer, it wraps to 32 bits as sums do. */
  readonly bias: (channel: number) => number;
  readonly channels: readonly EpilogueChannel[];
  readonly shifted: boolean;
  /** Weights as 16-bit lanes, and what those of a channel are multiplied by. */
  readonly wide: boolean;
  readonly factor: (channel: number) => number;
}

/** Channels in blocks of `size`; where they do not divide, the last block reaches back into the one before. */
export function channelBlocks(channels: number, size: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(channels / size) }, (_, i) => {
    const first = Math.min(i * size, channels - size);
    return Array.from({ length: size }, (_, lane) => first + lane);
  });
}

/** Words of one block of `size` channels. */
export function blockWords({ depth, shifted, wide }: Pick<StreamSource, 'depth' | 'shifted' | 'wide'>, size: number): number {
  return size * (1 + Math.ceil(depth / 4) * (wide ? 2 : 1) + (shifted ? 3 : 2));
}

/** The stream of the given blocks, all of the same size. */
export function packBlocks(source: StreamSource, blocks: readonly (readonly number[])[]): Int32Array {
  const out = new Int32Array(blocks.reduce((sum, block) => sum + blockWords(source, block.length), 0));
  let at = 0;
  for (const block of blocks) {
    const rows = block.map((channel) => ({ values: source.row(channel), factor: source.factor(channel) }));
    for (const channel of block) out[at++] = source.bias(channel) | 0;
    for (let k = 0; k < source.depth; k += 4) {
      const values = rows.map((row) => [0, 1, 2, 3].map((i) => (k + i < source.depth ? row.values[k + i]! * row.factor : 0)));
      if (source.wide) for (const i of [0, 1]) for (const v of values) out[at++] = (v[i]! & 0xffff) | (v[i + 2]! << 16);
      else for (const v of values) out[at++] = v.reduce((word, value, i) => word | ((value & 255) << (8 * i)), 0);
    }
    for (const channel of block) {
      const { multiplier, addend, shift } = source.channels[channel]!;
      out[at++] = multiplier;
      out[at++] = addend;
      if (source.shifted) out[at++] = shift;
    }
  }
  return out;
}
