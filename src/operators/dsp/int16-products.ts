/**
 * Sums of products of int16 activations: the loops of products.ts, which read lanes of 16 bits anyway, without widening. Lanes
 * are in natural order here, so the weights are permuted to meet them.
 */
import { type IntegerNode, laneBytes } from '../../graph/integer.js';
import type { KernelContext } from '../kernel.js';
import type { LinearTensors } from '../linear/integer.js';
import { type Epilogue, epilogueName, epilogueView } from './epilogue.js';
import { planStream, type ProductsBody, type ProductsPlan, skippedRounds } from './products.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';
import { valuesOf, type WeightStorage } from './storage.js';
import type { StreamSource } from './stream.js';
import { loopOf, type Tile } from './tiles.js';

/** int16 in, int16 or bytes out, weights of at most 8 bits, sums that requantize in the folded form at their own scale. */
export function fitsInt16({ features, group: [node] }: KernelContext, t: LinearTensors, channels: number): FoldedRequantize | null {
  const { x, y, weights } = t;
  const isInt16 = x.type.bits > 8 && x.type.bits <= 16 && y.type.bits <= 16 && weights.type.bits <= 8;
  if (!features.dsp || !features.unalignedAccess || !isInt16 || y.type.packed || x.constant) return null;
  const folded = foldRequantize(node as IntegerNode, channels);
  return folded && !folded.doubled && folded.saturation.bits <= 16 ? folded : null;
}

/** Weights [channels, length] as a stream for lanes in natural order, and the functions that consume it. */
export function planInt16(t: LinearTensors, channels: number, requantize: FoldedRequantize, tile: Tile, storage: WeightStorage, partBlocks = 0): ProductsPlan {
  const length = t.weightCodes.length / channels;
  const depth = tile.rows > 1 ? valuesOf(length, storage) : 4 * Math.ceil(length / 4);
  const source = streamSource(t, channels, depth, requantize, storage);
  const epilogue = epilogueOf(source, requantize, storage);
  return planStream(t, { source, epilogue, requantize, tile, storage, body: int16ProductsBody(tile, storage, depth, epilogue, laneBytes(t.y.type)), partBlocks });
}

/** Packed weights are read at 2^scale times their worth; sums lose it before they are requantized. */
function epilogueOf({ channels }: StreamSource, { kind, unshifted, saturation }: FoldedRequantize, { scale }: WeightStorage): Epilogue {
  return { kind, unpack: scale, laneScale: 0, immediate: 0, shifted: !unshifted, saturation, channels };
}

/** Of every four weights in a stream. */
const ORDER = [0, 2, 1, 3];

/** Values 0 and 1, then 2 and 3 of every four meet in one word, where streams put 0 and 2, then 1 and 3. */
function streamSource(t: LinearTensors, channels: number, depth: number, requantize: FoldedRequantize, { bits, scale }: WeightStorage): StreamSource {
  const length = t.weightCodes.length / channels;
  const padded = 4 * Math.ceil(length / 4);
  const rows = Array.from({ length: channels }, (_, channel) => Int8Array.from({ length: padded }, (_value, k) => weightAt(t, channel * length, length, k - (k % 4) + ORDER[k % 4]!)));
  return {
    row: (channel) => rows[channel]!,
    depth,
    bias: (channel) => 2 ** scale * t.biasCodes[channel]!,
    channels: requantize.channels.map((c) => ({ ...c, scale, nudge: 0 })),
    shifted: !requantize.unshifted,
    bits,
    factor: () => 1,
  };
}

function weightAt(t: LinearTensors, row: number, length: number, k: number): number {
  return k < length ? t.weightCodes[row + k]! : 0;
}

/** The functions that multiply rows of `depth` int16 values, which are laid side by side where there are several. */
export function int16ProductsBody(tile: Tile, storage: WeightStorage, depth: number, epilogue: Epilogue, outputLane: number): Omit<ProductsBody, 'widenRows'> {
  const loop = loopOf(tile, storage);
  const rounds = Math.ceil(depth / loop.roundValues);
  const looped = rounds - loop.roundsBefore;
  const once = loop.canRunOnce && looped <= loop.unroll;
  const suffix = `${loop.prefix}${epilogueName(epilogue)}${outputLane === 2 ? '_halves' : ''}${once ? '_once' : ''}`;
  return {
    suffix,
    widenSuffix: rowsView(tile.rows).suffix,
    laneBytes: rounds * loop.roundValues * 2 * tile.rows,
    skippedBytes: loop.roundBytes * skippedRounds(looped, loop.unroll),
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/products-sizes', view: {} },
      ...(tile.rows > 1 ? [{ template: 'dsp/int16-rows', view: rowsView(tile.rows) }] : []),
      { template: loop.template, view: { suffix, once, unroll: loop.unroll, ...loop.view, ...epilogueView(epilogue), ...tile.sums(outputLane) } },
    ],
  };
}

function rowsView(count: number) {
  const rows = [{ pointer: 'r0', word: 'r6' }, { pointer: 'r4', word: 'r7' }, { pointer: 'r5', word: 'r8' }].slice(0, count);
  return {
    suffix: `${['row', 'pair', 'rows'][count - 1]!}_s16`,
    count: ['One', 'Two', 'Three'][count - 1]!,
    three: count === 3,
    rows,
    store: `stmia r2!, {${rows.map(({ word }) => word).join(', ')}}`,
    instructions: count + 3,
    values: 2 * count,
  };
}
