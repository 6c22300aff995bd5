/** Sums of products with 3 rows x 2 channels in registers: what convolutions and fully connected layers share. */
import { type IntegerNode, laneBytes } from '../../graph/integer.js';
import { elementCount } from '../../graph/float.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import type { KernelContext, SupportText } from '../kernel.js';
import { chooseEpilogue, type Epilogue, epilogueName, epilogueView } from './epilogue.js';
import { predictProducts } from './predictions.js';
import { type FoldedRequantize, foldRequantize, MOST_PLACES } from './requantize.js';
import { isDeep, readsLanes, valuesOf, type WeightStorage } from './storage.js';
import { blockWords, channelBlocks, packBlocks, type StreamSource, weightWords } from './stream.js';
import { loopOf, packedMask, SHARED_3X2, type Tile, TILE_1X4, TILE_2X2, TILE_3X2, TILE_3X2_DUAL } from './tiles.js';

/** Rows in registers at a time; a layer with fewer is computed row by row. */
export const BLOCK_ROWS = TILE_3X2.rows;

/** Tile for a number of rows, null where there are too few channels for it. */
export function tileFor(rows: number, channels: number, { shareCode }: Pick<KernelContext, 'shareCode'>): Tile | null {
  const tile = rows < TILE_3X2.rows ? TILE_1X4 : shareCode ? SHARED_3X2 : TILE_3X2;
  return channels >= tile.channels ? tile : null;
}

/** Long rows of int16 weights go faster by two than by three, unless that wastes more at the end. `dualIssue`: of the target's features. */
export function fastestTile(tile: Tile, size: { readonly rows: number; readonly depth: number; readonly channels: number }, storage: WeightStorage, requantize: FoldedRequantize, dualIssue = false): Tile {
  if (tile !== TILE_3X2) return tile;
  if (!readsLanes(storage)) return dualIssue && storage.bits === 8 ? TILE_3X2_DUAL : tile;
  const instructions = (candidate: Tile) => predictProducts({ ...size, tile: candidate, loop: loopOf(candidate, storage) }, requantize);
  return instructions(TILE_2X2) < instructions(TILE_3X2) ? TILE_2X2 : TILE_3X2;
}

/** Bytes in, bytes out, int8 weights, sums that requantize in the folded form. */
export function fitsProducts({ features, group: [node] }: KernelContext, t: LinearTensors, channels: number): FoldedRequantize | null {
  const bytes = t.x.type.bits <= 8 && t.y.type.bits <= 8 && t.weights.type.bits <= 8 && !t.x.type.packed && !t.y.type.packed;
  if (!features.dsp || !features.unalignedAccess || !bytes ) return null;
  const folded = foldRequantize(node as IntegerNode, channels, MOST_PLACES);
  return folded && folded.saturation.bits <= 8 ? folded : null;
}

export interface ProductsSizes {
  readonly laneBytes: number;
  readonly streamBytes: number;
  readonly outputStride: number;
  readonly skippedBytes: number;
}

export interface ProductsPlan {
  readonly stream: Int32Array;
  /** Fields of the templates that call the products. */
  readonly view: {
    readonly suffix: string;
    readonly widenSuffix: string;
    /** Rows at a time. */
    readonly count: number;
    /** Word of the stream and first channel of the last block, where it overlaps the one before; else channel 0. */
    readonly lastStream: number;
    readonly lastChannel: number;
    readonly blocks: ProductsSizes;
    readonly last: ProductsSizes;
    /** Weights are widened first: what the function that does so must know. */
    readonly widened: boolean;
    readonly widenWeights: string;
    readonly blockCount: number;
    readonly rounds: number;
    readonly constants: number;
    /** Blocks that are widened at a time, the last of which may overlap others, and words of a block in flash; 0: all at once. */
    readonly partBlocks: number;
    readonly lastPart: number;
    readonly storedWords: number;
  };
  readonly laneBytes: number;
  /** Memory for widened weights. */
  readonly wideBytes: number;
  /** Predicted, without the gathering of windows. */
  readonly instructions: number;
  readonly support: readonly SupportText[];
}

/**
 * Weights [channels, length] as a stream, the sizes that go with it, and the functions that consume it. `partBlocks`: so many
 * blocks of channels are widened at a time, where all would not fit.
 */
export function planProducts(node: IntegerNode, t: LinearTensors, channels: number, length: number, requantize: FoldedRequantize, tile: Tile, storage: WeightStorage, partBlocks = 0): ProductsPlan & Pick<ProductsBody, 'widenRows'> {
  const depth = tile.rows > 1 ? valuesOf(length, storage) : 4 * Math.ceil(length / 4);
  const epilogue = chooseEpilogue(node, t, channels, requantize, storage);
  const source = streamSource(node, t, channels, depth, epilogue, storage);
  const body = productsBody(t.x.type.signed, epilogue, depth, tile, storage);
  return { ...planStream(t, { source, epilogue, requantize, tile, storage, body, partBlocks }), widenRows: body.widenRows };
}

/** How the weights of a layer become a stream. */
interface StreamPlan {
  readonly source: StreamSource;
  readonly epilogue: Epilogue;
  readonly requantize: FoldedRequantize;
  readonly tile: Tile;
  readonly storage: WeightStorage;
  readonly body: Omit<ProductsBody, 'widenRows'>;
  /** Blocks of channels that are widened at a time; 0: all. */
  readonly partBlocks: number;
}

/** The stream itself, and what calls of the loop that reads it must know. */
export function planStream(t: LinearTensors, { source, epilogue, requantize, tile, storage, body, partBlocks }: StreamPlan): ProductsPlan {
  const channels = requantize.channels.length;
  const { depth } = source;
  const blocks = channelBlocks(channels, tile.channels);
  const whole = Math.floor(channels / tile.channels);
  const words = blockWords({ ...source, bits: readsLanes(storage) ? 16 : storage.bits }, tile.channels);
  const outputStride = laneBytes(t.y.type) * channels;
  const sizes = (count: number): ProductsSizes => ({ laneBytes: body.laneBytes, streamBytes: 4 * words * count, outputStride, skippedBytes: body.skippedBytes });
  const widen = widenWeightsView(storage);
  return {
    stream: packBlocks(source, blocks),
    view: {
      suffix: body.suffix,
      widenSuffix: body.widenSuffix,
      count: tile.rows,
      lastStream: words * whole,
      lastChannel: whole === blocks.length ? 0 : channels - tile.channels,
      blocks: sizes(partBlocks || whole),
      last: sizes(1),
      widened: storage.widened,
      widenWeights: widen.name,
      blockCount: blocks.length,
      rounds: weightWords(source, tile.channels) / widen.roundWords,
      constants: tile.channels * (epilogue.shifted ? 3 : 2),
      partBlocks,
      lastPart: blocks.length - partBlocks,
      storedWords: blockWords(source, tile.channels),
    },
    laneBytes: body.laneBytes,
    wideBytes: storage.widened ? 4 * words * (partBlocks || blocks.length) : 0,
    instructions: predictProducts({ rows: elementCount(t.y.shape) / channels, depth, channels, tile, loop: loopOf(tile, storage) }, requantize),
    support: [...body.support, ...(storage.widened ? [{ template: 'dsp/widen-weights', view: widen }] : [])],
  };
}

/** What turns the weights of a stream to lanes of 16 bits: the function's name, words that it takes at a time, and how. */
function widenWeightsView(storage: WeightStorage): { readonly name: string; readonly roundWords: number } {
  const { bits } = storage;
  const packed = storage.scale > 0;
  const deep = isDeep(storage);
  const registers = ['r5', 'r6', 'r7', 'r8'];
  const quarters = Array.from({ length: packed ? 4 / bits : 0 }, (_, quarter) => ({ lanes: registers.map((register, i) => ({ register, shift: bits * (4 * quarter + i) })) }));
  const view = { packed, deep, bits, mask: packed ? packedMask(storage) : '', quarters, instructions: deep ? 10 : packed ? 3 + 5 * quarters.length : 8, codes: packed ? 32 / bits : 8 };
  return { ...view, name: `ptq_widen_weights${packed ? `_${bits}` : ''}${deep ? '_deep' : ''}`, roundWords: packed ? 1 : 2 };
}

export type WidenRows = ReturnType<typeof widenView>;

export interface ProductsBody {
  /** Of the names ptq_products_… and ptq_widen_…. */
  readonly suffix: string;
  readonly widenSuffix: string;
  readonly widenRows: WidenRows;
  readonly laneBytes: number;
  readonly skippedBytes: number;
  readonly support: readonly SupportText[];
}

/** The functions that multiply rows of `depth` values, and what calls of them need to know. */
export function productsBody(signed: boolean, epilogue: Epilogue, depth: number, tile: Tile, storage: WeightStorage): ProductsBody {
  const loop = loopOf(tile, storage);
  const rounds = Math.ceil(depth / loop.roundValues);
  const looped = rounds - loop.roundsBefore;
  const once = loop.canRunOnce && !tile.shared && looped <= loop.unroll;
  const suffix = `${loop.prefix}${epilogueName(epilogue)}${once ? '_once' : ''}`;
  const widenRows = widenView(signed, epilogue.laneScale, tile.rows);
  return {
    suffix,
    widenSuffix: widenRows.suffix,
    widenRows,
    laneBytes: rounds * loop.roundValues * 2 * tile.rows,
    skippedBytes: loop.roundBytes * skippedRounds(looped, loop.unroll),
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/products-sizes', view: {} },
      { template: 'dsp/widen-rows', view: widenRows },
      { template: loop.template, view: { suffix, once, unroll: loop.unroll, ...loop.view, ...epilogueView(epilogue), ...tile.sums(1) } },
    ],
  };
}

/** Rounds that the first pass of the loop jumps over, so that the last pass ends with the loop. */
export function skippedRounds(rounds: number, unroll: number): number {
  return rounds === 0 ? unroll : (unroll - (rounds % unroll)) % unroll;
}

function streamSource(node: IntegerNode, t: LinearTensors, channels: number, depth: number, { channels: constants, laneScale, shifted }: Epilogue, { bits }: WeightStorage): StreamSource {
  const sums = rowSums(t.weightCodes, channels);
  const length = t.weightCodes.length / channels;
  const offset = inputZeroPointOf(node) + laneOffset(t.x.type.signed, laneScale);
  return {
    row: (channel) => t.weightCodes.subarray(channel * length, (channel + 1) * length),
    depth,
    bias: (channel) => 2 ** constants[channel]!.scale * (t.biasCodes[channel]! - offset * sums[channel]!) + constants[channel]!.nudge,
    channels: constants,
    shifted,
    bits,
    factor: (channel) => 2 ** (constants[channel]!.scale - laneScale),
  };
}

/** Lanes hold value + offset: scaling is a mask, which wants unsigned bytes. */
function laneOffset(signed: boolean, laneScale: number): number {
  return laneScale > 0 && signed ? 128 : 0;
}

/** What functions that widen `count` rows of bytes are written from. */
function widenView(signed: boolean, laneScale: number, count: number) {
  const registers = [{ pointer: 'r0', word: 'r6', lane: 'r9' }, { pointer: 'r4', word: 'r7', lane: 'r10' }, { pointer: 'r5', word: 'r8', lane: 'r11' }];
  return {
    suffix: `${['row', 'pair', 'rows'][count - 1]!}_${signed ? 's8' : 'u8'}${laneScale > 0 ? `_x${2 ** laneScale}` : ''}`,
    count: ['One', 'Two', 'Three'][count - 1]!,
    several: count > 1,
    three: count === 3,
    instructions: count * (laneOffset(signed, laneScale) !== 0 ? 4 : 3) + 2,
    values: 4 * count,
    rows: registers.slice(0, count),
    store: ['str r9, [r2], #4', 'stmia r2!, {r9, r10}', 'stmia r2!, {r9-r11}'][count - 1]!,
    signed,
    scaled: laneScale > 0,
    factor: 2 ** laneScale,
    mask: 255 * 2 ** laneScale,
    left: laneScale,
    right: 8 - laneScale,
    offset: laneOffset(signed, laneScale) !== 0,
    extend: signed ? 'sxtb16' : 'uxtb16',
  };
}
