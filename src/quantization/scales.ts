/** From ranges and weights to scales, zero points and codes. Scales are float32, as files and firmware macros hold them. */
import type { ActivationPlan, WeightPlan } from '../operators/lower.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';

/** Ranges that need a subnormal float32 scale count as zero. */
const SMALLEST_NORMAL = 2 ** -126;
/** Wider codes lie in int16 lanes. */
export const BYTE_BITS = 8;

/**
 * Scale and zero point of a range, extended so that 0.0 has a code of its own. A range of one point 0 gets scale 1. Up to 8
 * bits asymmetric; above, symmetric with zero point 0, the larger end at the last code.
 */
export function activationPlan(low: number, high: number, bits: number, signed = true): ActivationPlan {
  if (bits > BYTE_BITS) return symmetricPlan(Math.max(-low, high, 0), bits);
  const [least, most] = typeRange({ bits, signed });
  const lowest = Math.min(low, 0);
  const highest = Math.max(high, 0);
  const scale = Math.fround((highest - lowest) / (most - least));
  if (!(scale >= SMALLEST_NORMAL)) return { bits, signed, scale: 1, zeroPoint: least };
  const zeroPoint = Math.min(most, Math.max(least, roundHalfAway(least - lowest / scale)));
  return { bits, signed, scale, zeroPoint };
}

function symmetricPlan(magnitude: number, bits: number): ActivationPlan {
  const scale = Math.fround(magnitude / (2 ** (bits - 1) - 1));
  return { bits, signed: true, scale: scale >= SMALLEST_NORMAL ? scale : 1, zeroPoint: 0 };
}

/** Code of a real value, saturated. */
export function quantizeValue(value: number, plan: ActivationPlan): number {
  const [least, most] = typeRange(plan);
  return Math.min(most, Math.max(least, roundHalfAway(value / plan.scale) + plan.zeroPoint));
}

/** One lane a code. */
export function quantizeValues(values: Float32Array | Float64Array | Int32Array, plan: ActivationPlan): Int8Array | Uint8Array | Int16Array | Int32Array {
  const codes = plan.bits > 16 ? new Int32Array(values.length) : plan.bits > 8 ? new Int16Array(values.length) : plan.signed ? new Int8Array(values.length) : new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = quantizeValue(values[i]!, plan);
  return codes;
}

/** Number of channels and the stride pattern of an axis of a row-major array: flat index → channel. */
export function channelIndexer(shape: readonly number[], axis: number | null): { readonly channels: number; readonly channelOf: (flat: number) => number } {
  if (axis === null) return { channels: 1, channelOf: () => 0 };
  const channels = shape[axis]!;
  const inner = shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  return { channels, channelOf: (flat) => Math.floor(flat / inner) % channels };
}

/** Largest magnitude of every channel. */
export function channelMaxima(values: Float32Array, shape: readonly number[], axis: number | null): Float64Array {
  const { channels, channelOf } = channelIndexer(shape, axis);
  const maxima = new Float64Array(channels);
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]!);
    const c = channelOf(i);
    if (magnitude > maxima[c]!) maxima[c] = magnitude;
  }
  return maxima;
}

/** Scale of symmetric weights: the largest magnitude gets the last code, or the error in the mean of |ŵ − w|^2.4 is smallest. */
export type ScaleSearch = 'max' | 'mse';

export interface WeightScaleOptions {
  /**
   * One a channel: keeps channels whose weights vanish beside their bias or their output at a scale that the arithmetic
   * can hold.
   */
  readonly least?: ArrayLike<number>;
  readonly search?: ScaleSearch;
  /** Searched scales of at most 3 bits may be negative: the arithmetic takes negative ratios. */
  readonly flips?: boolean;
}

/** Up to this width the lowest code, which has no positive counterpart, is worth a sign. */
const MOST_FLIPPED_BITS = 3;

/**
 * Symmetric codes with zero point 0, one scale a channel. At 8 bits and with scales from the largest magnitude they lie in
 * [−(2^(bits−1)−1), 2^(bits−1)−1]; searched scales of fewer bits use the lowest code too, for the tail where it helps more.
 */
export function weightPlan(values: Float32Array, shape: readonly number[], axis: number | null, bits: number, options: WeightScaleOptions = {}): WeightPlan {
  const isSearched = options.search === 'mse' && bits < 8;
  const most = 2 ** (bits - 1) - 1;
  const least = isSearched ? -most - 1 : -most;
  const maxima = channelMaxima(values, shape, axis);
  const typical = Math.max(...maxima) / most || 1 / most;
  const channels = isSearched ? valuesByChannel(values, shape, axis) : [];
  const scale = Array.from(maxima, (maximum, c) => {
    const own = Math.fround(isSearched ? searchedScale(channels[c]!, maximum, bits, options.flips) : maximum / most);
    const magnitude = Math.fround(Math.max(Math.abs(own) || typical, options.least?.[c] ?? 0));
    return own < 0 ? -magnitude : magnitude;
  });
  const { channelOf } = channelIndexer(shape, axis);
  const codes = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) codes[i] = Math.max(least, Math.min(most, roundHalfAway(values[i]! / scale[channelOf(i)]!)));
  return { bits, scale, axis, codes };
}

export function valuesByChannel(values: Float32Array, shape: readonly number[], axis: number | null): readonly Float64Array[] {
  const { channels, channelOf } = channelIndexer(shape, axis);
  const size = values.length / channels;
  const lists = Array.from({ length: channels }, () => new Float64Array(size));
  const filled = new Int32Array(channels);
  for (let i = 0; i < values.length; i++) {
    const c = channelOf(i);
    lists[c]![filled[c]!++] = values[i]!;
  }
  return lists;
}

/** LAPQ's exponent, as the code of BRECQ, QDrop and PD-Quant has it. */
const ERROR_EXPONENT = 2.4;
/** Candidates in hundredths of the scale at which the whole range just covers the values; beyond it, codes of one side are given up. */
const MOST_HUNDREDTHS = 150;

/** Grid search over the scale of one channel, with `flips` of either sign; 0 for a channel of zeros. */
export function searchedScale(values: Float64Array, maximum: number, bits: number, flips = false): number {
  const most = 2 ** (bits - 1) - 1;
  const covering = (2 * maximum) / (2 ** bits - 1);
  let best = 0;
  let leastError = Number.POSITIVE_INFINITY;
  for (let hundredths = MOST_HUNDREDTHS; hundredths >= 1 && maximum > 0; hundredths--) {
    const size = (covering * hundredths) / 100;
    for (const scale of flips && bits <= MOST_FLIPPED_BITS ? [size, -size] : [size]) {
      const error = roundingError(values, scale, -most - 1, most, leastError);
      if (error < leastError) [best, leastError] = [scale, error];
    }
  }
  return best;
}

function roundingError(values: Float64Array, scale: number, least: number, most: number, limit: number): number {
  let error = 0;
  for (let i = 0; i < values.length && error < limit; i++) {
    const code = Math.max(least, Math.min(most, roundHalfAway(values[i]! / scale)));
    error += Math.abs(code * scale - values[i]!) ** ERROR_EXPONENT;
  }
  return error;
}
