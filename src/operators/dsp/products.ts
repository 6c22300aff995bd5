/** Sums of products with 3 rows x 2 channels in registers: what convolutions and fully connected layers share. */
import type { IntegerNode } from '../../graph/integer.js';
import { elementCount } from '../../graph/float.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import type { KernelContext, SupportText } from '../kernel.js';
import { chooseEpilogue, type Epilogue, epilogueName, epilogueView } from './epilogue.js';
import { predictProducts } from './predictions.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';
import { spareBytes } from './live-bytes.js';
import { blockWords, channelBlocks, packBlocks, type StreamSource } from './stream.js';

/** Sums in registers, and the unrolled loop of the template: rounds of four values, and the bytes of one round. */
export interface Tile {
  readonly template: string;
  readonly rows: number;
  readonly channels: number;
  readonly unroll: number;
  /** Of int8 and of int16 weights. */
  readonly roundBytes: readonly [number, number];
  /** Rounds that stand before the loop. */
  readonly roundsBefore: number;
  /** The template has a form without a way back, for rows that the unrolled loop takes in one pass. */
  readonly canRunOnce: boolean;
  readonly sums: object;
}

/** Where the sums of each channel go: the first row last, since its store steps to the next channel. */
const TILE_3X2: Tile = {
  template: 'dsp/products-3x2',
  rows: 3,
  channels: 2,
  unroll: 15,
  roundBytes: [72, 60],
  roundsBefore: 1,
  canRunOnce: true,
  sums: {
    channels: [
      { sums: [{ sum: 'r9', address: '[r5, r7]' }, { sum: 'r10', address: '[r5, r7, lsl #1]' }, { sum: 'r8', address: '[r5], #1' }] },
      { sums: [{ sum: 'r12', address: '[r5, r7]' }, { sum: 'lr', address: '[r5, r7, lsl #1]' }, { sum: 'r11', address: '[r5], #1' }] },
    ],
  },
};

/** Of int16 weights only. */
const TILE_2X2: Tile = {
  template: 'dsp/products-2x2',
  rows: 2,
  channels: 2,
  unroll: 15,
  roundBytes: [38, 38],
  roundsBefore: 1,
  canRunOnce: true,
  sums: {
    channels: [
      { sums: [{ sum: 'r11', address: '[r5, r7]' }, { sum: 'r10', address: '[r5], #1' }] },
      { sums: [{ sum: 'lr', address: '[r5, r7]' }, { sum: 'r12', address: '[r5], #1' }] },
    ],
  },
};

const TILE_1X4: Tile = {
  template: 'dsp/products-1x4',
  rows: 1,
  channels: 4,
  unroll: 8,
  roundBytes: [68, 38],
  roundsBefore: 0,
  canRunOnce: false,
  sums: { lanes: [4, 5, 6, 7].map((register, i) => ({ weights: `r${register}`, sum: `r${9 + i}` })) },
};

/** Rows in registers at a time; a layer with fewer is computed row by row. */
export const BLOCK_ROWS = TILE_3X2.rows;

/** Tile for a number of rows, null where there are too few channels for it. */
export function tileFor(rows: number, channels: number): Tile | null {
  const tile = rows >= TILE_3X2.rows ? TILE_3X2 : TILE_1X4;
  return channels >= tile.channels ? tile : null;
}

/** Long rows of int16 weights go faster by two than by three, unless that wastes more at the end. */
export function fastestTile(tile: Tile, size: { readonly rows: number; readonly depth: number; readonly channels: number }, storage: WeightStorage, requantize: FoldedRequantize): Tile {
  if (tile !== TILE_3X2 || storage === 'int8') return tile;
  const instructions = (candidate: Tile) => predictProducts({ ...size, wide: true, tile: candidate }, requantize);
  return instructions(TILE_2X2) < instructions(TILE_3X2) ? TILE_2X2 : TILE_3X2;
}

/** Bytes in, bytes out, int8 weights, sums that requantize in the folded form. */
export function fitsProducts({ features, group: [node] }: KernelContext, t: LinearTensors, channels: number): FoldedRequantize | null {
  const bytes = t.x.type.bits <= 8 && t.y.type.bits <= 8 && t.weights.type.bits <= 8 && !t.x.type.packed && !t.y.type.packed;
  if (!features.dsp || !features.unalignedAccess || !bytes ) return null;
  const folded = foldRequantize(node as IntegerNode, channels);
  return folded && folded.saturation.bits <= 8 ? folded : null;
}

export interface ProductsSizes {
  readonly laneBytes: number;
  readonly streamBytes: number;
  readonly outputStride: number;
  readonly skippedBytes: number;
}

/** How weights are stored: in flash as the products want them, or widened from int8 flash to memory that is free. */
export type WeightStorage = 'int8' | 'int16' | 'widened';

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
    readonly blockCount: number;
    readonly rounds: number;
    readonly constants: number;
  };
  readonly laneBytes: number;
  /** Memory for widened weights. */
  readonly wideBytes: number;
  /** Predicted, without the gathering of windows. */
  readonly instructions: number;
  readonly support: readonly SupportText[];
}

/** Weights [channels, depth] as a stream, the sizes that go with it, and the functions that consume it. */
export function planProducts(node: IntegerNode, t: LinearTensors, channels: number, depth: number, requantize: FoldedRequantize, tile: Tile, storage: WeightStorage): ProductsPlan {
  const wide = storage !== 'int8';
  const epilogue = chooseEpilogue(node, t, channels, requantize, storage === 'int16');
  const source = streamSource(node, t, channels, depth, epilogue, storage === 'int16');
  const blocks = channelBlocks(channels, tile.channels);
  const whole = Math.floor(channels / tile.channels);
  const body = productsBody(t.x.type.signed, epilogue, depth, tile, wide);
  const words = blockWords({ ...source, wide }, tile.channels);
  const sizes = (count: number): ProductsSizes => ({ laneBytes: body.laneBytes, streamBytes: 4 * words * count, outputStride: channels, skippedBytes: body.skippedBytes });
  return {
    stream: packBlocks(source, blocks),
    view: {
      suffix: body.suffix,
      widenSuffix: body.widenSuffix,
      count: tile.rows,
      lastStream: words * whole,
      lastChannel: whole === blocks.length ? 0 : channels - tile.channels,
      blocks: sizes(whole),
      last: sizes(1),
      widened: storage === 'widened',
      blockCount: blocks.length,
      rounds: Math.ceil(depth / 4),
      constants: tile.channels * (epilogue.shifted ? 3 : 2),
    },
    laneBytes: body.laneBytes,
    wideBytes: storage === 'widened' ? 4 * words * blocks.length : 0,
    instructions: predictProducts({ rows: elementCount(t.y.shape) / channels, depth, channels, wide, tile }, requantize),
    support: [...body.support, ...(storage === 'widened' ? [{ template: 'dsp/widen-weights', view: {} }] : [])],
  };
}

export interface ProductsBody {
  /** Of the names ptq_products_… and ptq_widen_…. */
  readonly suffix: string;
  readonly widenSuffix: string;
  readonly laneBytes: number;
  readonly skippedBytes: number;
  readonly support: readonly SupportText[];
}

/** The functions that multiply rows of `depth` values, and what calls of them need to know. */
export function productsBody(signed: boolean, epilogue: Epilogue, depth: number, tile: Tile, wide: boolean): ProductsBody {
  const rounds = Math.ceil(depth / 4);
  const looped = rounds - tile.roundsBefore;
  const once = tile.canRunOnce && looped <= tile.unroll;
  const suffix = `${tile === TILE_2X2 ? 'pair_' : ''}${wide ? 'w16_' : ''}${epilogueName(epilogue)}${once ? '_once' : ''}`;
  const widen = widenView(signed, epilogue.laneScale, tile.rows);
  return {
    suffix,
    widenSuffix: widen.suffix,
    laneBytes: rounds * 4 * 2 * tile.rows,
    skippedBytes: tile.roundBytes[wide ? 1 : 0] * skippedRounds(looped, tile.unroll),
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/products-sizes', view: {} },
      { template: 'dsp/widen-rows', view: widen },
      { template: tile.template, view: { suffix, wide, once, unroll: tile.unroll, ...epilogueView(epilogue), ...tile.sums } },
    ],
  };
}

/** Rows from which widening pays: it costs an instruction a weight and saves an eighth of one a product. */
const LEAST_ROWS_TO_WIDEN = 16;

/** Where speed is wanted and the layers around leave memory free, int8 weights of flash are widened there. */
export function storageFor({ graph, group, optimize, weights }: KernelContext, size: { readonly rows: number; readonly channels: number; readonly depth: number }, otherScratchBytes: number): WeightStorage {
  if (weights === 'int16') return 'int16';
  const bytes = 4 * Math.ceil(size.channels / TILE_3X2.channels) * blockWords({ depth: size.depth, shifted: true, wide: true }, TILE_3X2.channels);
  const isFree = optimize === 'speed' && size.rows >= LEAST_ROWS_TO_WIDEN && bytes + otherScratchBytes <= spareBytes(graph, group[0]!);
  return isFree ? 'widened' : 'int8';
}

/** Rounds that the first pass of the loop jumps over, so that the last pass ends with the loop. */
function skippedRounds(rounds: number, unroll: number): number {
  return rounds === 0 ? unroll : (unroll - (rounds % unroll)) % unroll;
}

function streamSource(node: IntegerNode, t: LinearTensors, channels: number, depth: number, { channels: constants, laneScale, shifted }: Epilogue, wide: boolean): StreamSource {
  const sums = rowSums(t.weightCodes, channels);
  const offset = inputZeroPointOf(node) + laneOffset(t.x.type.signed, laneScale);
  return {
    row: (channel) => t.weightCodes.subarray(channel * depth, (channel + 1) * depth),
    depth,
    bias: (channel) => 2 ** constants[channel]!.scale * (t.biasCodes[channel]! - offset * sums[channel]!) + constants[channel]!.nudge,
    channels: constants,
    shifted,
    wide,
    factor: (channel) => 2 ** (constants[channel]!.scale - laneScale),
  };
}

/** Lanes hold value + offset: scaling is a mask, which wants unsigned bytes. */
function laneOffset(signed: boolean, laneScale: number): number {
  return laneScale > 0 && signed ? 128 : 0;
}

function widenView(signed: boolean, laneScale: number, count: number): { readonly suffix: string } {
  const registers = [{ pointer: 'r0', word: 'r6', lane: 'r9' }, { pointer: 'r4', word: 'r7', lane: 'r10' }, { pointer: 'r5', word: 'r8', lane: 'r11' }];
  const view = {
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
  return view;
}
