/** How a block of threads divides a product of matrices: rows and columns of its tile, and of each warp's part. */

export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Warps above each other, and side by side. */
  readonly warpRows: number;
  readonly warpColumns: number;
  /** Warps that share all of the tile, each with its own part of the depth: short for few blocks. */
  readonly depthWarps: 1 | 4;
}

/** Bytes of a row that a warp takes from one stage. */
export const STAGE_BYTES = 64;

/** Stages in shared memory: one is computed while two are on their way. 3 × 20,480 bytes of the widest tile are what sm_75 has. */
const SLOTS = 3;

/** More multiprocessors than any GPU has (2026: 192): a launch of so many blocks leaves none idle. */
const MOST_MULTIPROCESSORS = 192;

const STATIC_SHARED_BYTES = 48 * 1024;

const WIDE: Tile = { rows: 128, columns: 128, warpRows: 4, warpColumns: 2, depthWarps: 1 };
const SQUARE: Tile = { rows: 64, columns: 64, warpRows: 2, warpColumns: 2, depthWarps: 1 };

/** Few channels: narrow tiles, so that little is computed for nobody. Many: the widest that registers hold. */
export function tileFor(columns: number): Tile {
  if (columns <= 16) return { rows: 128, columns: 16, warpRows: 4, warpColumns: 1, depthWarps: 1 };
  if (columns <= 32) return { rows: 128, columns: 32, warpRows: 4, warpColumns: 1, depthWarps: 1 };
  return columns <= 96 ? SQUARE : WIDE;
}

/** Of 32 rows: four warps divide a long depth, so that each walks a quarter of the stages; a short one they share as a tile. */
function smallTile(columns: number, stages: number): Tile {
  const narrow = columns <= 16 ? 16 : 32;
  if (stages >= 4) return { rows: 32, columns: narrow, warpRows: 1, warpColumns: 1, depthWarps: 4 };
  return { rows: 32, columns: narrow, warpRows: 2, warpColumns: narrow / 16, depthWarps: 1 };
}

/** A tile that fills a GPU which `larger` would leave idle in part. */
export interface TileChoice {
  readonly tile: Tile;
  readonly larger: Tile;
}

/** `rows`: of one sample. First the one for the fewest rows; none where a single sample fills every GPU with the tile of `tileFor`. */
export function smallerTiles(rows: number, columns: number, stages: number): readonly TileChoice[] {
  const chain = [smallTile(columns, stages), ...(columns > 96 ? [SQUARE] : []), tileFor(columns)];
  return chain.slice(0, -1).map((tile, i) => ({ tile, larger: chain[i + 1]! })).filter(({ larger }) => blocksOf(larger, rows, columns) < MOST_MULTIPROCESSORS);
}

function blocksOf(tile: Tile, rows: number, columns: number): number {
  return Math.ceil(rows / tile.rows) * Math.ceil(columns / tile.columns);
}

/** Fields of the templates; `outputBytes` 0: codes are stored one by one. `paddedDepth`: bytes of a row of weights. */
export function tileView({ rows, columns, warpRows, warpColumns, depthWarps }: Tile, { outputChannels, outputBytes, paddedDepth }: { readonly outputChannels: number; readonly outputBytes: number; readonly paddedDepth: number }) {
  const threads = 32 * warpRows * warpColumns * depthWarps;
  const [rowsOfWarp, columnsOfWarp] = [rows / warpRows, columns / warpColumns];
  const stageBytes = STAGE_BYTES * depthWarps;
  /** Eight rows of 16 bytes, which one ldmatrix reads, lie in 32 different banks: 16 bytes more than a power of two. */
  const pitch = stageBytes + 16;
  const [windowStage, channelStage] = [rows * pitch, columns * pitch];
  const chunksOfStage = stageBytes / 16;
  const isSliced = depthWarps > 1;
  return {
    threads,
    tileRows: rows,
    tileColumns: columns,
    warpRows,
    rowsOfWarp,
    columnsOfWarp,
    depthWarps,
    isSliced,
    rowTiles: rowsOfWarp / 16,
    columnTiles: columnsOfWarp / 8,
    pitch,
    rowTileBytes: 16 * pitch,
    columnTileBytes: 8 * pitch,
    stages: Math.ceil(paddedDepth / stageBytes),
    slots: SLOTS,
    aheadStages: SLOTS - 1,
    pendingStages: SLOTS - 2,
    windowStage,
    channelStage,
    windowBytes: SLOTS * windowStage,
    channelBytes: SLOTS * channelStage,
    isDynamic: SLOTS * (windowStage + channelStage) > STATIC_SHARED_BYTES,
    chunksOfStage,
    /** A pass of all threads copies this many rows. */
    passes: (rows * chunksOfStage) / threads,
    rowsOfPass: threads / chunksOfStage,
    passBytes: (threads / chunksOfStage) * pitch,
    /** Weights: as many channels a pass as rows, or fewer than a pass has. */
    channelChunks: columns * chunksOfStage,
    hasFewChannels: columns * chunksOfStage < threads,
    channelPasses: Math.max(1, (columns * chunksOfStage) / threads),
    passWeights: (threads / chunksOfStage) * paddedDepth,
    epilogue: isSliced ? { sums: 'totals', rowTiles: 1, columnTiles: columns / 16, columns: columns / 2 } : { sums: 'sums', rowTiles: rowsOfWarp / 16, columnTiles: columnsOfWarp / 8, columns: columnsOfWarp },
    isRagged: outputChannels % columns !== 0,
    isStaged: outputBytes === 1 && outputChannels % 16 === 0,
    stagedPitch: columns + 16,
    outputChunks: rows * (columns / 16),
    chunksOfRow: columns / 16,
  };
}

/** How stages of so many products lie in the depth: whether the last one ends behind it, and whether all of a stage is of one tap. */
export function stageEnds(inputChannels: number, depth: number, stageProducts: number): { readonly hasEnd: boolean; readonly hasWholeTaps: boolean } {
  return { hasEnd: depth % stageProducts !== 0, hasWholeTaps: inputChannels % stageProducts === 0 };
}
