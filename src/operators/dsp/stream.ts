/**
 * Constants in the order in which a kernel consumes them, so that one pointer walks through all of them. For every two
 * output channels: two biases; weights, four values of one channel and four of the other in turn; then for each channel
 * multiplier, addend and (unless no channel shifts) shift. Lengths that are no multiple of four are filled with zeros.
 */
import type { FoldedRequantize } from './requantize.js';

export interface StreamSource {
  /** Weights of output channel `channel` as one row, `depth` long. */
  readonly row: (channel: number) => ArrayLike<number>;
  readonly depth: number;
  /** Bias with the input's offset folded in, at the scale of the lanes; any integer, it wraps to 32 bits as sums do. */
  readonly bias: (channel: number) => number;
  readonly requantize: FoldedRequantize;
}

/** Words of one pair of channels. */
export function pairWords({ depth, requantize }: Pick<StreamSource, 'depth' | 'requantize'>): number {
  return 2 + 2 * Math.ceil(depth / 4) + (requantize.unshifted ? 4 : 6);
}

/** The stream of the given pairs of channels. */
export function packPairs(source: StreamSource, pairs: readonly (readonly [number, number])[]): Int32Array {
  const out = new Int32Array(pairs.length * pairWords(source));
  let at = 0;
  for (const pair of pairs) {
    const rows = pair.map(source.row);
    for (const channel of pair) out[at++] = source.bias(channel) | 0;
    for (let k = 0; k < source.depth; k += 4) for (const row of rows) out[at++] = packBytes(row, k, source.depth);
    for (const channel of pair) {
      const { multiplier, addend, shift } = source.requantize.channels[channel]!;
      out[at++] = multiplier;
      out[at++] = addend;
      if (!source.requantize.unshifted) out[at++] = shift;
    }
  }
  return out;
}

/** Four values as the bytes of a little-endian word. */
function packBytes(row: ArrayLike<number>, first: number, depth: number): number {
  let word = 0;
  for (let i = 0; i < 4; i++) if (first + i < depth) word |= (row[first + i]! & 255) << (8 * i);
  return word;
}
