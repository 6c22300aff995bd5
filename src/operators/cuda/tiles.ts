/** How a block of threads divides a product of matrices: rows and columns of its tile, and of each warp's part. */

export interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Warps above each other, and side by side. */
  readonly warpRows: number;
  readonly warpColumns: number;
}

/**
 * Bytes from one row of 64 to the next in shared memory: eight rows of 16 bytes, which one ldmatrix reads, then lie in 32
 * different banks.
 */
const PITCH = 80;

/** Few channels: narrow tiles, so that little is computed for nobody. Many: the widest that registers hold. */
export function tileFor(columns: number): Tile {
  if (columns <= 16) return { rows: 128, columns: 16, warpRows: 4, warpColumns: 1 };
  if (columns <= 32) return { rows: 128, columns: 32, warpRows: 4, warpColumns: 1 };
  if (columns <= 96) return { rows: 64, columns: 64, warpRows: 2, warpColumns: 2 };
  return { rows: 128, columns: 128, warpRows: 4, warpColumns: 2 };
}

/** Fields of the templates; `outputBytes` 0: codes are stored one by one. */
export function tileView({ rows, columns, warpRows, warpColumns }: Tile, { outputChannels, outputBytes }: { readonly outputChannels: number; readonly outputBytes: number }) {
  const threads = 32 * warpRows * warpColumns;
  const [rowsOfWarp, columnsOfWarp] = [rows / warpRows, columns / warpColumns];
  const [windowStage, channelStage] = [rows * PITCH, columns * PITCH];
  const stagedPitch = columns + 16;
  return {
    threads,
    tileRows: rows,
    tileColumns: columns,
    warpRows,
    rowsOfWarp,
    columnsOfWarp,
    rowTiles: rowsOfWarp / 16,
    columnTiles: columnsOfWarp / 8,
    pitch: PITCH,
    rowTileBytes: 16 * PITCH,
    columnTileBytes: 8 * PITCH,
    windowStage,
    channelStage,
    windowBytes: 2 * windowStage,
    channelBytes: 2 * channelStage,
    /** A pass of all threads copies this many rows, four threads a row. */
    passes: (rows * 4) / threads,
    rowsOfPass: threads / 4,
    passBytes: (threads / 4) * PITCH,
    channelChunks: columns * 4,
    isRagged: outputChannels % columns !== 0,
    isStaged: outputBytes === 1 && outputChannels % 16 === 0,
    stagedPitch,
    outputChunks: rows * (columns / 16),
    chunksOfRow: columns / 16,
  };
}
