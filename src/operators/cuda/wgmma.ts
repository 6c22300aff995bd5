/**
 * Products of matrices by warpgroups: wgmma of sm_90a, whose operands lie in shared memory in rows of 128 bytes. Another
 * kernel for the arguments of products.ts, which a launch chooses where the loaded code has the instruction (ptq_wgmma.h) and
 * enough multiprocessors get a block.
 */
import type { LaunchVariant } from '../kernel.js';
import type { Geometry } from '../linear/geometry.js';
import { stageEnds } from './tiles.js';

/** Of a warpgroup. */
const ROWS = 64;
const THREADS = 128;
const STAGE_BYTES = 128;
/** Products that one instruction takes of every row. */
const STEP_PRODUCTS = 32;

/** From this depth on the sums of wide tiles take so much longer than requantizing them that a multiprocessor needs no second block. */
const LONG_DEPTH = 1024;

export interface WarpgroupProduct {
  readonly geometry: Geometry;
  readonly depth: number;
  /** Bytes from one row of weights to the next. */
  readonly paddedDepth: number;
  readonly isUnsigned: boolean;
  /** Codes of results are bytes. */
  readonly hasByteResults: boolean;
  /** Fields of conv2d's template that no tile changes. */
  readonly view: object;
  readonly stem: string;
}

/** One or two warpgroups, 64 rows each, which share the columns. */
interface GroupTile {
  readonly warpgroups: 1 | 2;
  readonly columns: number;
}

/** Of two blocks of it fewer wait for data than of one larger: for launches with few rows. */
const SMALL: GroupTile = { warpgroups: 1, columns: 64 };

/** The variants for sm_90a, large tiles first; none where copies of 16 bytes do not fit, or the product is too small to gain. */
export function warpgroupVariants(product: WarpgroupProduct): readonly LaunchVariant[] {
  const { geometry: g, depth } = product;
  if (g.inputChannels % 16 !== 0 || g.outputChannels < 48 || depth < 64) return [];
  return [variantOf(product, { warpgroups: 2, columns: columnsFor(g.outputChannels, depth) }, 1), variantOf(product, SMALL, 2)];
}

/** Chosen where so many times its blocks are no fewer than the multiprocessors. */
function variantOf(product: WarpgroupProduct, tile: GroupTile, times: number): LaunchVariant {
  const { geometry: g, stem } = product;
  const view = viewOf(product, tile);
  const grid: readonly [string, string] = [`ptq_blocks(batch, ${g.outputHeight * g.outputWidth}, ${view.tileRows})`, String(Math.ceil(g.outputChannels / tile.columns))];
  return {
    template: 'conv2d-wgmma',
    stem: `${stem}_wgmma_${view.tileRows}x${tile.columns}`,
    view: { ...product.view, ...view },
    launch: { threads: view.threads, grid, sharedBytes: view.sharedBytes },
    when: `model->device.has_wgmma && !ptq_leaves_idle(model, ${times === 1 ? '' : `${times} * `}${grid.join(' * ')})`,
  };
}

/** The width with the fewest columns for nobody; among equals a wide one where the depth is long, else 128, of which two blocks share a multiprocessor. */
export function columnsFor(outputChannels: number, depth: number): number {
  const widths = depth >= LONG_DEPTH ? [256, 192, 128, 64] : [128, 192, 64];
  const computed = (width: number): number => Math.ceil(outputChannels / width) * width;
  return widths.reduce((best, width) => (computed(width) < computed(best) ? width : best));
}

function viewOf({ geometry: { inputChannels, outputChannels }, depth, isUnsigned, hasByteResults }: WarpgroupProduct, { warpgroups, columns }: GroupTile) {
  const stages = Math.ceil(depth / STAGE_BYTES);
  const steps = Math.ceil(depth / STEP_PRODUCTS);
  const [rows, threads] = [warpgroups * ROWS, warpgroups * THREADS];
  /** 16 bytes a thread. */
  const rowsOfPass = (threads * 16) / STAGE_BYTES;
  const [windowStage, channelStage] = [rows * STAGE_BYTES, columns * STAGE_BYTES];
  const stageBytes = windowStage + channelStage;
  /** Of 128 columns two blocks with three stages each fit in a multiprocessor. */
  const slots = columns === 128 ? 3 : 4;
  return {
    threads,
    tileRows: rows,
    tileColumns: columns,
    registers: columns / 2,
    columnTiles: columns / 8,
    isUnsigned: String(isUnsigned),
    stages,
    steps,
    hasShortEnd: steps % 4 !== 0,
    stageProducts: STAGE_BYTES,
    ...stageEnds(inputChannels, depth, STAGE_BYTES),
    chunkCodes: 16,
    chunksOfStage: STAGE_BYTES / 16,
    lastSlot: slots - 1,
    aheadStages: slots - 2,
    pendingStages: slots - 3,
    isShallow: slots === 3,
    stageBytes,
    windowStage,
    groupBytes: ROWS * STAGE_BYTES,
    sharedBytes: slots * stageBytes,
    passes: rows / rowsOfPass,
    channelPasses: columns / rowsOfPass,
    rowsOfPass,
    passBytes: rowsOfPass * STAGE_BYTES,
    isRagged: outputChannels % columns !== 0,
    isStaged: hasByteResults && outputChannels % 16 === 0,
    stagedPitch: columns + 16,
    outputChunks: rows * (columns / 16),
    chunksOfRow: columns / 16,
  };
}
