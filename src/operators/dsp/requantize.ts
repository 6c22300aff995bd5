/**
 * Requantization in the fewest instructions of Armv7E-M: accumulator → high word of a product plus a constant → shift →
 * saturation. The constants carry the rounding and the zero point, so that every bit equals the scalar definitions of
 * sim/scalar/requantize.ts for every accumulator within its proven bounds.
 *
 *     round:  SMMLAR t, acc, multiplier, addend                     ASR t, shift   SSAT
 *     floor:  SMMLA  t, acc, multiplier, addend                     ASR t, shift   SSAT
 *     away:   ADD s, addend, acc ASR 31   SMMLAR t, acc, multiplier, s   ASR t, shift   SSAT
 */
import type { IntegerNode, Requantize } from '../../graph/integer.js';

type Range = readonly [number, number];

export type FoldedKind = 'round' | 'floor' | 'away';

export interface FoldedChannel {
  readonly multiplier: number;
  /** Rounding and zero point, at the scale before the shift. */
  readonly addend: number;
  /** Arithmetic shift to the right, 0 ≤ shift ≤ 31. */
  readonly shift: number;
}

export interface FoldedRequantize {
  readonly kind: FoldedKind;
  /** The kernel must produce 2^places times the accumulator (larger activations or weights, and bias): 1 for TFLite's double rounding and ratios from one half to one, more for larger ratios. */
  readonly places: number;
  /** places is 1. */
  readonly doubled: boolean;
  /** Every shift is 0: kernels may leave the instruction out. */
  readonly unshifted: boolean;
  /** The clamp as one instruction: SSAT #bits or USAT #bits. */
  readonly saturation: { readonly signed: boolean; readonly bits: number };
  /** One entry an output channel. */
  readonly channels: readonly FoldedChannel[];
}

/** Ratios below 4, or below 8 where all channels have one shift: for kernels whose lanes have room for 16 times the values. */
export const MOST_PLACES = 4;

/** Folded constants of every output channel; null where a channel has no such form at `mostPlaces` or less, or the clamp is no saturation. */
export function foldRequantize(node: IntegerNode, channels: number, mostPlaces = 1): FoldedRequantize | null {
  const { requantize, bounds } = node;
  if (!requantize || !bounds || bounds.accumulatorBits !== 32) return null;
  const saturation = saturationOf(requantize.clamp);
  if (!saturation) return null;
  const reach = (channel: number) => bounds.accumulator[bounds.accumulator.length === 1 ? 0 : channel]!;
  const range = Array.from({ length: channels }, (_, channel) => reach(channel));
  for (const form of [{ requantize, range, places: requantize.mode === 'tfliteDouble' ? 1 : 0 }, ...largerForms(requantize, range, mostPlaces)]) {
    for (const kind of ['round', 'floor', 'away'] as const) {
      const folded = form.range.map((accumulator, channel) => foldChannel(form.requantize, channel, kind, accumulator));
      if (folded.every((f) => f !== null)) return { kind, places: form.places, doubled: form.places === 1, unshifted: folded.every((f) => f.shift === 0), saturation, channels: folded };
    }
  }
  return null;
}

interface LargerForm {
  readonly requantize: Requantize;
  readonly range: readonly Range[];
  readonly places: number;
}

/** floor((acc·m + 2^(s−1)) / 2^s) = floor((2^p·acc·m + 2^(s+p−1)) / 2^(s+p)): a ratio 2^p times smaller, of 2^p times the accumulator. */
function largerForms(requantize: Requantize, range: readonly Range[], mostPlaces: number): readonly LargerForm[] {
  if (requantize.mode !== 'dyadic') return [];
  const places = Array.from({ length: mostPlaces }, (_, i) => i + 1).filter((p) => range.every(([low, high]) => Math.max(-low, high) < 2 ** (31 - p)));
  return places.map((p) => ({ requantize: { ...requantize, shift: requantize.shift.map((s) => s + p) }, range: range.map(([low, high]) => [2 ** p * low, 2 ** p * high] as const), places: p }));
}

/** [-2^(n−1), 2^(n−1) − 1] or [0, 2^n − 1]. */
export function saturationOf([low, high]: readonly [number, number]): FoldedRequantize['saturation'] | null {
  const bits = Math.log2(high + 1);
  if (!Number.isInteger(bits)) return null;
  if (low === 0 && bits >= 1 && bits <= 31) return { signed: false, bits };
  return low === -(high + 1) ? { signed: true, bits: bits + 1 } : null;
}

function foldChannel(requantize: Requantize, channel: number, kind: FoldedKind, accumulator: readonly [number, number]): FoldedChannel | null {
  const entry = (list: readonly number[]) => list[list.length === 1 ? 0 : channel]!;
  switch (requantize.mode) {
    case 'tfliteDouble':
      return foldDouble(entry(requantize.multiplier), entry(requantize.shift), requantize, kind, accumulator);
    case 'tfliteSingle':
      return foldDyadic(entry(requantize.multiplier), 31 - entry(requantize.shift), requantize.zeroPoint, kind, accumulator);
    case 'dyadic':
      return foldDyadic(entry(requantize.multiplier), entry(requantize.shift), requantize.zeroPoint, kind, accumulator);
    case 'dyadicHigh':
      return foldDyadic(entry(requantize.multiplier), 32, requantize.zeroPoint, kind, accumulator);
    case 'shift':
      return foldShift(entry(requantize.shift), requantize.rounding, requantize.zeroPoint, kind, accumulator);
    default:
      return null;
  }
}

/**
 * h = (2·acc·m + 2^31) >> 32 is SMMULR of the doubled accumulator; half away from zero is (h + 2^(s−1) − (h < 0)) >> s.
 * The sign of acc may stand for that of h: where they differ h is 0, and both give 0. Where the clamp's lower end is the
 * zero point, every negative h ends there with or without the sign term, which is then left out.
 */
function foldDouble(multiplier: number, shift: number, { zeroPoint, clamp }: Requantize, kind: FoldedKind, [low, high]: readonly [number, number]): FoldedChannel | null {
  const needsSign = shift < 0 && clamp[0] !== zeroPoint && low < 0;
  if (shift > 0 || kind === 'floor' || (kind === 'round' && needsSign) || multiplier < 0) return null;
  const reach = Math.max(-low, high);
  if (reach >= 2 ** 30) return null;
  const largest = Math.floor((reach * multiplier) / 2 ** 31) + 1;
  if (multiplier === 0 || (shift < 0 && largest < 2 ** (-shift - 1))) return constantChannel(zeroPoint);
  if (kind === 'away' && shift === 0) return null;
  return checked({ multiplier, addend: (shift < 0 ? 2 ** (-shift - 1) : 0) + zeroPoint * 2 ** -shift, shift: -shift }, largest);
}

/** floor((acc·m + 2^(shift−1)) / 2^shift): SMMLAR at shift 32, SMMLA and a shift beyond; smaller shifts scale the multiplier. */
function foldDyadic(multiplier: number, shift: number, zeroPoint: number, kind: FoldedKind, [low, high]: readonly [number, number]): FoldedChannel | null {
  if (kind === 'away' || (kind === 'round' && shift > 32)) return null;
  const least = kind === 'round' ? 32 : 33;
  const total = Math.max(shift, least);
  const scaled = multiplier * 2 ** (total - shift);
  if (Math.abs(scaled) > 0x7fffffff) return null;
  const extra = total - 32;
  const largest = Math.floor((Math.max(-low, high) * Math.abs(scaled)) / 2 ** 32) + 1;
  const addend = (extra > 0 ? 2 ** (extra - 1) : 0) + zeroPoint * 2 ** extra;
  if (extra > 0 && largest < 2 ** (extra - 1)) return { multiplier: 0, addend: 2 * zeroPoint, shift: 1 };
  return checked({ multiplier: scaled, addend, shift: extra }, largest);
}

/** acc / 2^shift: a product with a power of two. */
function foldShift(shift: number, rounding: string, zeroPoint: number, kind: FoldedKind, range: readonly [number, number]): FoldedChannel | null {
  if (rounding === 'halfUp') return shift === 0 ? null : foldDyadic(1, shift, zeroPoint, kind, range);
  if (rounding !== 'floor' || kind !== 'floor' || shift < 2) return null;
  return checked({ multiplier: 2 ** (32 - shift), addend: zeroPoint, shift: 0 }, Math.max(-range[0], range[1]));
}

/** The zero point, whatever the accumulator: the addend of both signs rounds to it. */
function constantChannel(zeroPoint: number): FoldedChannel {
  return { multiplier: 0, addend: zeroPoint * 256 + 128, shift: 8 };
}

/** Nothing wraps before the shift: `largest` bounds the high word of the product. */
function checked(channel: FoldedChannel, largest: number): FoldedChannel | null {
  return channel.shift <= 31 && largest + Math.abs(channel.addend) + 1 <= 0x7fffffff ? channel : null;
}
