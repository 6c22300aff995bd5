/**
 * Products of matrices by warpgroups: wgmma of sm_90a, whose operands lie in shared memory in rows of 128 bytes. Another
 * kernel for the arguments of products.ts, which a launch chooses where the loaded code has the instruction (ptq_wgmma.h) and
 * half of the multiprocessors at least get a block.
 */
import type { LaunchVariant } from '../kernel.js';
import type { Geometry } from '../linear/geometry.js';
import { stageEnds } from './tiles.js';

/** Two warpgroups of 64 rows each. */
const ROWS = 128;
const THREADS = 256;
const STAGE_BYTES = 128;
/** Products that one instruction takes of every row. */
const STEP_PRODUCTS = 32;
/** Rows that a pass of all threads copies, 16 bytes a thread. */
const ROWS_OF_PASS = (THREADS * 16) / STAGE_BYTES;

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

/** The variant for sm_90a; none where copies of 16 bytes do not fit, or the product is too small to gain. */
export function warpgroupVariants(product: WarpgroupProduct): readonly LaunchVariant[] {
  const { geometry: g, depth, stem } = product;
  if (g.inputChannels % 16 !== 0 || g.outputChannels < 48 || depth < 64) return [];
  const columns = columnsFor(g.outputChannels, depth);
  const view = viewOf(product, columns);
  const grid: readonly [string, string] = [`ptq_blocks(batch, ${g.outputHeight * g.outputWidth}, ${ROWS})`, String(Math.ceil(g.outputChannels / columns))];
  return [
    {
      template: 'conv2d-wgmma',
      stem: `${stem}_wgmma`,
      view: { ...product.view, ...view },
      launch: { threads: THREADS, grid, sharedBytes: view.sharedBytes },
      when: `model->device.has_wgmma && !ptq_leaves_idle(model, 2 * ${grid.join(' * ')})`,
    },
  ];
}

/** The width with the fewest columns for nobody; among equals a wide one where the depth is long, else 128, of which two blocks share a multiprocessor. */
export function columnsFor(outputChannels: number, depth: number): number {
  const widths = depth >= LONG_DEPTH ? [256, 192, 128, 64] : [128, 192, 64];
  const computed = (width: number): number => Math.ceil(outputChannels / width) * width;
  return widths.reduce((best, width) => (computed(width) < computed(best) ? width : best));
}

function viewOf({ geometry: { inputChannels, outputChannels }, depth, isUnsigned, hasByteResults }: WarpgroupProduct, columns: number) {
  const stages = Math.ceil(depth / STAGE_BYTES);
  const steps = Math.ceil(depth / STEP_PRODUCTS);
  const [windowStage, channelStage] = [ROWS * STAGE_BYTES, columns * STAGE_BYTES];
  const stageBytes = windowStage + channelStage;
  /** Of 128 columns two blocks with three stages each fit in a multiprocessor. */
  const slots = columns === 128 ? 3 : 4;
  return {
    threads: THREADS,
    tileRows: ROWS,
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
    groupBytes: windowStage / 2,
    sharedBytes: slots * stageBytes,
    passes: ROWS / ROWS_OF_PASS,
    channelPasses: columns / ROWS_OF_PASS,
    rowsOfPass: ROWS_OF_PASS,
    passBytes: ROWS_OF_PASS * STAGE_BYTES,
    isRagged: outputChannels % columns !== 0,
    isStaged: hasByteResults && outputChannels % 16 === 0,
    stagedPitch: columns + 16,
    outputChunks: ROWS * (columns / 16),
    chunksOfRow: columns / 16,
  };
}
