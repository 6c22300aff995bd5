/**
 * Rows times weights where a launch has few rows: the weights are read once and decide the time. Another kernel for the arguments of
 * products.ts: a part of a warp walks two rows of weights, 16 bytes a lane and turn, for four rows of codes, by dot products of four
 * bytes (dp4a). Tiles of tensor cores would compute 32 rows, and have a block for 16 or 32 channels only: 1000 channels give 32 blocks,
 * fewer than the multiprocessors of most GPUs, against 125 here.
 */
import type { LaunchVariant } from '../kernel.js';

const THREADS = 128;
const CHANNELS = 2;
const ROWS = 4;
/** Bytes that a lane takes at a time. */
const CHUNK = 16;
/** Rows of all samples up to which weights that are read once for each four of them cost less than idle tiles. */
const MOST_ROWS = 8;

export interface RowsProduct {
  readonly rows: number;
  readonly depth: number;
  readonly outputs: number;
  readonly isUnsigned: boolean;
  /** Fields of conv2d's template that no tile changes. */
  readonly view: object;
  readonly stem: string;
}

/** None where a single sample has more rows, or codes do not lie in whole words. */
export function fewRowsVariants({ rows, depth, outputs, isUnsigned, view, stem }: RowsProduct): readonly LaunchVariant[] {
  if (rows > MOST_ROWS || depth % 4 !== 0) return [];
  const chunks = Math.ceil(depth / CHUNK);
  // Eight lanes at least: one a result.
  const lanes = Math.min(32, Math.max(CHANNELS * ROWS, 2 ** Math.floor(Math.log2(chunks))));
  const channelsOfBlock = (THREADS / lanes) * CHANNELS;
  return [
    {
      template: 'dense-rows',
      stem: `${stem}_rows`,
      view: {
        ...view,
        lanes,
        halfLanes: lanes / 2,
        chunks,
        turns: Math.ceil(chunks / lanes),
        isWhole: depth % CHUNK === 0,
        isEven: chunks % lanes === 0,
        channelsOfBlock,
        isUnsigned,
        flip: isUnsigned ? ' ^ 0x80808080u' : '',
      },
      launch: { threads: THREADS, grid: [String(Math.ceil(outputs / channelsOfBlock)), `ptq_blocks(batch, ${rows}, ${ROWS})`] },
      when: `batch * ${rows} <= ${MOST_ROWS}`,
    },
  ];
}
