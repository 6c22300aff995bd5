/** Instructions that kernels execute, counted in their templates: what a choice between layouts of weights goes by. */
import type { FoldedRequantize } from './requantize.js';

export interface ProductsSize {
  readonly rows: number;
  readonly depth: number;
  readonly channels: number;
  /** int16 weights. */
  readonly wide: boolean;
  /** Rows and channels of sums in registers. */
  readonly tile: { readonly rows: number; readonly channels: number };
}

/** A round is four values: 19 or 16 instructions for 3 rows x 2 channels, 10 for 2 rows x 2 channels, 18 or 12 for 1 row x 4 channels. */
export function predictProducts({ rows, depth, channels, wide, tile }: ProductsSize, requantize: FoldedRequantize): number {
  const rounds = Math.ceil(depth / 4);
  const several = tile.rows > 1;
  const round = tile.rows === 2 ? 10 : several ? (wide ? 16 : 19) : wide ? 12 : 18;
  const loop = 3 * Math.ceil(rounds / (several ? 15 : 8));
  const block = rounds * round + loop + 8 + tile.channels * (1 + tile.rows * codeInstructions(requantize));
  const widening = rounds * (several ? 4 * tile.rows + 1 : 6) + 60;
  return Math.ceil(rows / tile.rows) * (Math.ceil(channels / tile.channels) * block + widening);
}

/** From a sum in a register to a code in memory. */
export function codeInstructions({ kind, unshifted }: FoldedRequantize): number {
  return 3 + (kind === 'away' ? 1 : 0) + (unshifted ? 0 : 1);
}
