/** From ranges and weights to scales, zero points and codes. Scales are float32, as files and firmware macros hold them. */
import type { ActivationPlan, WeightPlan } from '../operators/lower.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';

/** Ranges that need a subnormal float32 scale count as zero. */
const SMALLEST_NORMAL = 2 ** -126;

/** Asymmetric scale and zero point of a range, extended so that 0.0 has a code of its own. A range of one point 0 gets scale 1. */
export function activationPlan(low: number, high: number, bits: number, signed = true): ActivationPlan {
  const [least, most] = typeRange({ bits, signed });
  const lowest = Math.min(low, 0);
  const highest = Math.max(high, 0);
  const scale = Math.fround((highest - lowest) / (most - least));
  if (!(scale >= SMALLEST_NORMAL)) return { bits, signed, scale: 1, zeroPoint: least };
  const zeroPoint = Math.min(most, Math.max(least, roundHalfAway(least - lowest / scale)));
  return { bits, signed, scale, zeroPoint };
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

/**
 * Symmetric codes in [−(2^(bits−1)−1), 2^(bits−1)−1], zero point 0, one scale a channel. `leastScale` (one a channel)
 * keeps channels whose weights vanish beside their bias or their output at a scale that the arithmetic can hold.
 */
export function weightPlan(values: Float32Array, shape: readonly number[], axis: number | null, bits: number, leastScale?: ArrayLike<number>): WeightPlan {
  const most = 2 ** (bits - 1) - 1;
  const maxima = channelMaxima(values, shape, axis);
  const typical = Math.max(...maxima) / most || 1 / most;
  const scale = Array.from(maxima, (maximum, c) => {
    const own = Math.fround(maximum / most);
    return Math.fround(Math.max(own > 0 ? own : typical, leastScale?.[c] ?? 0));
  });
  const { channelOf } = channelIndexer(shape, axis);
  const codes = new Int8Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const code = roundHalfAway(values[i]! / scale[channelOf(i)]!);
    codes[i] = Math.max(-most, Math.min(most, code));
  }
  return { bits, scale, axis, codes };
}
