/** Sums in registers, and the unrolled loops over the values of a row that add to them. */
import { isDeep, readsLanes, type WeightStorage } from './storage.js';

export interface Tile {
  readonly rows: number;
  readonly channels: number;
  /** One body for rows of any length, at three instructions a pass. */
  readonly shared?: boolean;
  /** Where the sums go, in lanes of 1 or 2 bytes. */
  readonly sums: (outputBytes: number) => object;
}

function storeOf(bytes: number): string {
  return bytes === 2 ? 'strh' : 'strb';
}

/** Where the sums of each channel go: the first row last, since its store steps to the next channel. */
export const TILE_3X2: Tile = {
  rows: 3,
  channels: 2,
  sums: (bytes) => ({
    store: storeOf(bytes),
    channels: [
      { sums: [{ sum: 'r9', address: '[r5, r7]' }, { sum: 'r10', address: '[r5, r7, lsl #1]' }, { sum: 'r8', address: `[r5], #${bytes}` }] },
      { sums: [{ sum: 'r12', address: '[r5, r7]' }, { sum: 'lr', address: '[r5, r7, lsl #1]' }, { sum: 'r11', address: `[r5], #${bytes}` }] },
    ],
  }),
};

export const SHARED_3X2: Tile = { ...TILE_3X2, shared: true };

/** Of int8 weights, for cores that issue a load or an extension beside a product: more instructions in fewer cycles. */
export const TILE_3X2_DUAL: Tile = { ...TILE_3X2 };

/** Of int16 weights only. */
export const TILE_2X2: Tile = {
  rows: 2,
  channels: 2,
  sums: (bytes) => ({
    store: storeOf(bytes),
    channels: [
      { sums: [{ sum: 'r11', address: '[r5, r7]' }, { sum: 'r10', address: `[r5], #${bytes}` }] },
      { sums: [{ sum: 'lr', address: '[r5, r7]' }, { sum: 'r12', address: `[r5], #${bytes}` }] },
    ],
  }),
};

export const TILE_1X4: Tile = {
  rows: 1,
  channels: 4,
  sums: (bytes) => ({ store: storeOf(bytes), step: bytes, lanes: [4, 5, 6, 7].map((register, i) => ({ weights: `r${register}`, sum: `r${9 + i}` })) }),
};

/** The unrolled loop of a template. */
export interface Loop {
  readonly template: string;
  /** Part of the names of functions with this loop. */
  readonly prefix: string;
  readonly unroll: number;
  /** Values of a row that a round takes, its bytes of code and its instructions. */
  readonly roundValues: number;
  readonly roundBytes: number;
  readonly roundInstructions: number;
  /** Rounds that stand before the loop. */
  readonly roundsBefore: number;
  /** The template has a form without a way back, for rows that the unrolled loop takes in one pass. */
  readonly canRunOnce: boolean;
  readonly view: object;
}

export function loopOf(tile: Tile, storage: WeightStorage): Loop {
  const wide = readsLanes(storage);
  const packed = !wide && storage.scale > 0;
  if (tile === TILE_2X2) return { template: 'dsp/products-2x2', prefix: 'pair_w16_', unroll: 15, roundValues: 4, roundBytes: 38, roundInstructions: 10, roundsBefore: 1, canRunOnce: true, view: {} };
  if (tile === TILE_3X2_DUAL) return { template: 'dsp/products-3x2-dual', prefix: 'dual_', unroll: 15, roundValues: 4, roundBytes: 92, roundInstructions: 23, roundsBefore: 1, canRunOnce: true, view: {} };
  if (packed) return tile.rows === TILE_3X2.rows ? packed3x2(storage) : packed1x4(storage);
  const prefix = wide ? 'w16_' : '';
  if (tile.rows === TILE_3X2.rows) {
    return { template: 'dsp/products-3x2', prefix, unroll: 15, roundValues: 4, roundBytes: wide ? 60 : 72, roundInstructions: wide ? 16 : 19, roundsBefore: 1, canRunOnce: true, view: { wide } };
  }
  return { template: 'dsp/products-1x4', prefix, unroll: 8, roundValues: 4, roundBytes: wide ? 38 : 68, roundInstructions: wide ? 12 : 18, roundsBefore: 0, canRunOnce: false, view: { wide } };
}

function packedPrefix(storage: WeightStorage): string {
  return `w${storage.bits}_${isDeep(storage) ? 'deep_' : ''}`;
}

/** The bits that a packed code has at the top of its lane or byte, in all lanes or bytes of a word. */
export function packedMask(storage: WeightStorage): string {
  const byte = (256 - 2 ** (8 - storage.bits)).toString(16);
  return `0x${(isDeep(storage) ? byte : `${byte}00`).repeat(isDeep(storage) ? 4 : 2)}`;
}

/** Of each channel: the register of its bias, which becomes the first row's sum, and how products go to sums. */
const SUMS_3X2 = [
  { bias: 'r8', rows: [{ lane: 'r3', sum: 'r9' }, { lane: 'r4', sum: 'r10' }, { lane: 'r2', sum: 'r8' }] },
  { bias: 'r11', rows: [{ lane: 'r3', sum: 'r12' }, { lane: 'r4', sum: 'lr' }, { lane: 'r2', sum: 'r11' }] },
] as const;

/** A word of weights has two or four values of both channels: as many steps as it takes to use it up. */
function packed3x2(storage: WeightStorage): Loop {
  const { bits } = storage;
  const deep = isDeep(storage);
  const count = 8 / bits;
  const stepsFrom = (biased: boolean) =>
    Array.from({ length: count }, (_, step) => ({
      halves: SUMS_3X2.map(({ bias, rows }, half) => ({
        shift: bits * (2 * step + half),
        /** The word that has this half's codes at the top of its bytes: the odd ones for the first step. */
        bytes: ['r7', 'r5'][half],
        odd: step === 0,
        weights: deep ? 'r6' : 'r7',
        products: rows.map(({ lane, sum }) => ({ lane, sum, from: biased && step === 0 ? bias : sum })),
      })),
    }));
  const extra = deep ? 3 : 0;
  const values = 2 * count;
  return {
    template: 'dsp/products-3x2-packed',
    prefix: packedPrefix(storage),
    unroll: bits === 2 ? 8 : 15,
    roundValues: values,
    roundBytes: 34 * count + 4 + 4 * extra,
    roundInstructions: 9 * count + 1 + extra,
    roundsBefore: 1,
    canRunOnce: true,
    view: { weightBits: bits, deep, mask: packedMask(storage), factor: 2 ** storage.scale, values, instructions: 9 * count + 1 + extra, products: 6 * values, firstSteps: stepsFrom(true), steps: stepsFrom(false) },
  };
}

/** Four values of four channels: one word of 2 bits, two of 4. */
function packed1x4(storage: WeightStorage): Loop {
  const { bits } = storage;
  const deep = isDeep(storage);
  const words = bits === 2 ? ['r4'] : ['r4', 'r5'];
  const sums = ['r9', 'r10', 'r11', 'r12'].map((sum, channel) => ({ sum, channel }));
  const steps = ['r2', 'r3'].map((lane, step) => ({
    lane,
    word: words[step % words.length],
    sums: sums.map(({ sum, channel }) => ({ sum, shift: bits * (bits === 2 ? 4 * step + channel : channel), bytes: channel % 2 === 0 ? 'r7' : words[step % words.length], odd: channel < 2 })),
  }));
  const extra = deep ? 4 : 0;
  return {
    template: 'dsp/products-1x4-packed',
    prefix: packedPrefix(storage),
    unroll: 8,
    roundValues: 4,
    roundBytes: 68 + 4 * extra,
    roundInstructions: 18 + extra,
    roundsBefore: 0,
    canRunOnce: false,
    view: { weightBits: bits, deep, mask: packedMask(storage), factor: 2 ** storage.scale, instructions: 18 + extra, words: `{${words.join(', ')}}`, steps },
  };
}
