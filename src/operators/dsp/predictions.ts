/** Instructions that kernels execute, counted in their templates: what a choice between layouts of weights goes by. */
import type { FoldedRequantize } from './requantize.js';

export interface ProductsSize {
  readonly rows: number;
  readonly depth: number;
  readonly channels: number;
  /** Rows and channels of sums in registers. */
  readonly tile: { readonly rows: number; readonly channels: number };
  readonly loop: { readonly unroll: number; readonly roundValues: number; readonly roundInstructions: number };
}

export function predictProducts({ rows, depth, channels, tile, loop }: ProductsSize, requantize: FoldedRequantize): number {
  const rounds = Math.ceil(depth / loop.roundValues);
  const words = Math.ceil(depth / 4);
  const passes = 3 * Math.ceil(rounds / loop.unroll);
  const block = rounds * loop.roundInstructions + passes + 8 + tile.channels * (1 + tile.rows * codeInstructions(requantize));
  const widening = words * (tile.rows > 1 ? 4 * tile.rows + 1 : 6) + 60;
  return Math.ceil(rows / tile.rows) * (Math.ceil(channels / tile.channels) * block + widening);
}

/** From a sum in a register to a code in memory. */
export function codeInstructions({ kind, unshifted }: FoldedRequantize): number {
  return 3 + (kind === 'away' ? 1 : 0) + (unshifted ? 0 : 1);
}
