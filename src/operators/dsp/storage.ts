/** How the weights of a layer lie in flash, and what its products read. */
import type { IntegerNode } from '../../graph/integer.js';
import type { KernelContext } from '../kernel.js';
import type { LinearTensors } from '../linear/integer.js';
import { packedBitsOf } from '../packing.js';
import { spareBytes } from './live-bytes.js';
import { weightWords } from './stream.js';

export interface WeightStorage {
  /** Of a code in flash. */
  readonly bits: 2 | 4 | 8 | 16;
  /** Codes of flash become 16-bit lanes in memory that is free, once a layer. */
  readonly widened: boolean;
  /**
   * Packed codes are read where a mask leaves them, at the top of a lane or of a byte that is extended to one: sums are
   * 2^scale times the accumulator. 0 where codes are not packed.
   */
  readonly scale: number;
}

export const INT8: WeightStorage = { bits: 8, widened: false, scale: 0 };
export const INT16: WeightStorage = { bits: 16, widened: false, scale: 0 };

/** At the top of lanes; at the top of bytes, two instructions more for eight codes, where the accumulator wants the room. */
const PACKED: readonly WeightStorage[] = [
  { bits: 2, widened: false, scale: 14 },
  { bits: 4, widened: false, scale: 12 },
  { bits: 4, widened: false, scale: 4 },
];

/** The products read lanes of 16 bits, two values a word. */
export function readsLanes({ bits, widened }: WeightStorage): boolean {
  return bits === 16 || widened;
}

/** Packed codes lie at the top of bytes, not of lanes. */
export function isDeep({ bits, scale }: WeightStorage): boolean {
  return scale > 0 && bits + scale === 8;
}

/** Rows from which widening pays: it costs an instruction a weight and saves an eighth of one a product. */
const LEAST_ROWS_TO_WIDEN = 16;

/** Channels in the products of widened weights. */
const WIDENED_CHANNELS = 2;

/** Where speed is wanted and the layers around leave memory free, weights of flash are widened there. */
export function storageFor(context: KernelContext, t: LinearTensors, size: { readonly rows: number; readonly channels: number; readonly depth: number }, otherScratchBytes: number): WeightStorage {
  const { graph, group, optimize } = context;
  const flash = flashStorage(context, t);
  if (flash.bits === 16 || optimize !== 'speed' || size.rows < LEAST_ROWS_TO_WIDEN) return flash;
  const constants = 4 * WIDENED_CHANNELS;
  const bytes = 4 * Math.ceil(size.channels / WIDENED_CHANNELS) * (constants + weightWords({ depth: valuesOf(size.depth, flash), bits: 16 }, WIDENED_CHANNELS));
  return bytes + otherScratchBytes <= spareBytes(graph, group[0]!) ? { ...flash, widened: true } : flash;
}

/** Memory for a part of the weights, and the fewest channels of a part: rows are widened again for every part. */
const MOST_PART_BYTES = 16384;
const LEAST_PART_CHANNELS = 8;

/**
 * Blocks of two channels whose widened weights fit the memory that the layers around leave free, where all of them do not;
 * null where too few do.
 */
export function widenedPart(context: KernelContext, t: LinearTensors, size: { readonly rows: number; readonly channels: number; readonly depth: number }, otherScratchBytes: number): { readonly storage: WeightStorage; readonly blocks: number } | null {
  const { graph, group, optimize } = context;
  const flash = flashStorage(context, t);
  if (flash.bits === 16 || optimize !== 'speed' || size.rows < LEAST_ROWS_TO_WIDEN || size.channels % WIDENED_CHANNELS !== 0) return null;
  const blockBytes = 4 * (4 * WIDENED_CHANNELS + weightWords({ depth: valuesOf(size.depth, flash), bits: 16 }, WIDENED_CHANNELS));
  const most = Math.floor(Math.min(MOST_PART_BYTES, spareBytes(graph, group[0]!) - otherScratchBytes) / blockBytes);
  if (WIDENED_CHANNELS * most < LEAST_PART_CHANNELS) return null;
  const blocks = size.channels / WIDENED_CHANNELS;
  return { storage: { ...flash, widened: true }, blocks: Math.ceil(blocks / Math.ceil(blocks / most)) };
}

function flashStorage({ weights, group: [node] }: KernelContext, t: LinearTensors): WeightStorage {
  if (weights === 'int16') return INT16;
  return (weights === 'packed' && packedStorage(node!, t)) || INT8;
}

/** The smallest form in which no sum leaves 32 bits; null where codes have too many bits. */
function packedStorage(node: IntegerNode, t: LinearTensors): WeightStorage | null {
  const narrowest = packedBitsOf(t.weightCodes);
  if (narrowest === null || !node.bounds) return null;
  const reach = Math.max(...node.bounds.accumulator.flat().map(Math.abs));
  return PACKED.find(({ bits, scale }) => bits >= narrowest && reach * 2 ** scale < 2 ** 31) ?? null;
}

/** Values of a row with the zeros that fill the last word of two channels. */
export function valuesOf(depth: number, { bits }: Pick<WeightStorage, 'bits'>): number {
  const whole = bits === 2 ? 8 : 4;
  return whole * Math.ceil(depth / whole);
}
