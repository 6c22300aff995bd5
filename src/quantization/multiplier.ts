/** Real ratios of scales as integers: multiplier and shift. docs/arithmetic.md has the error bounds. */
import { roundHalfAway } from '../graph/lanes.js';
import type { RequantizeMode } from '../graph/integer.js';

export interface FixedPoint {
  /** 0, or in [2^30, 2^31). */
  readonly multiplier: number;
  /** The value is multiplier·2^(shift − 31): positive shifts are to the left. */
  readonly shift: number;
}

/** value = mantissa·2^exponent, mantissa in [0.5, 1); (0, 0) for 0. C's frexp for positive finite numbers. */
export function frexp(value: number): { readonly mantissa: number; readonly exponent: number } {
  if (value === 0) return { mantissa: 0, exponent: 0 };
  let exponent = Math.max(-1023, Math.floor(Math.log2(value)) + 1);
  let mantissa = scaleByPower(value, -exponent);
  while (mantissa < 0.5) {
    mantissa *= 2;
    exponent--;
  }
  while (mantissa >= 1) {
    mantissa /= 2;
    exponent++;
  }
  return { mantissa, exponent };
}

/** In two steps, so that no power of two leaves the range of doubles. */
function scaleByPower(value: number, exponent: number): number {
  const half = Math.trunc(exponent / 2);
  return value * 2 ** half * 2 ** (exponent - half);
}

/**
 * TFLite's QuantizeMultiplier: frexp of the double, mantissa rounded half away to 31 bits, 2^31 renormalised, (0, 0) below
 * 2^-32. `single` is the build with TFLITE_SINGLE_ROUNDING, which also limits the shift to 30.
 */
export function quantizeMultiplier(real: number, rounding: 'double' | 'single' = 'double'): FixedPoint {
  if (!(real >= 0) || !Number.isFinite(real)) throw new RangeError(`a ratio of scales must be finite and not negative, got ${real}`);
  if (real === 0) return { multiplier: 0, shift: 0 };
  const { mantissa, exponent } = frexp(real);
  let multiplier = roundHalfAway(mantissa * 2147483648);
  let shift = exponent;
  if (multiplier === 2147483648) {
    multiplier = 1073741824;
    shift++;
  }
  if (shift < -31) return { multiplier: 0, shift: 0 };
  if (rounding === 'single' && shift > 30) return { multiplier: 2147483647, shift: 30 };
  return { multiplier, shift };
}

/** multiplier·2^−shift, 1 ≤ shift ≤ 62, |multiplier| below 2^31; relative error at most 2^-31 for |real| ≥ 2^-32. */
export function dyadicNumber(real: number): { readonly multiplier: number; readonly shift: number } {
  if (!(Math.abs(real) < 1073741824)) throw new RangeError(`a ratio of scales must lie in (−2^30, 2^30), got ${real}`);
  if (real < 0) {
    const { multiplier, shift } = dyadicNumber(-real);
    return { multiplier: -multiplier, shift };
  }
  const { mantissa, exponent } = frexp(real);
  if (real === 0 || exponent < -31) return { multiplier: roundHalfAway(real * 2 ** 62), shift: 62 };
  const multiplier = roundHalfAway(mantissa * 2147483648);
  return multiplier === 2147483648 ? dyadicOf(1073741824, 30 - exponent) : dyadicOf(multiplier, 31 - exponent);
}

/** Shift 0 would be an exact left shift, outside the form: one bit less of multiplier. */
function dyadicOf(multiplier: number, shift: number): { readonly multiplier: number; readonly shift: number } {
  return shift >= 1 ? { multiplier, shift } : { multiplier: multiplier / 2, shift: shift + 1 };
}

/** Smallest multiplier of the high-half form that keeps its part of the error below 2^-9 quanta of an output of `bits` bits. */
export function smallestHighMultiplier(bits: number): number {
  return 2 ** (bits + 8);
}

/**
 * The cheapest form with one rounding: the high half of the product (one SMMULR on Armv7E-M) where every ratio is below
 * one half and its 32-bit multiplier precise enough, else multiplier and shift. A ratio of 0 belongs to either form.
 */
export function dyadicMode(ratios: readonly number[], outputBits: number): RequantizeMode {
  const high = ratios.map((ratio) => roundHalfAway(ratio * 4294967296));
  const least = smallestHighMultiplier(outputBits);
  if (high.every((m, i) => ratios[i] === 0 || (Math.abs(m) >= least && Math.abs(m) <= 2147483647))) return { mode: 'dyadicHigh', multiplier: high };
  const numbers = ratios.map(dyadicNumber);
  return { mode: 'dyadic', multiplier: numbers.map((n) => n.multiplier), shift: numbers.map((n) => n.shift) };
}

/** TFLite's modes: ratios are double quotients of float32 scales. */
export function tfliteMode(ratios: readonly number[], rounding: 'double' | 'single'): RequantizeMode {
  const numbers = ratios.map((ratio) => quantizeMultiplier(ratio, rounding));
  const parts = { multiplier: numbers.map((n) => n.multiplier), shift: numbers.map((n) => n.shift) };
  return rounding === 'double' ? { mode: 'tfliteDouble', ...parts } : { mode: 'tfliteSingle', ...parts };
}
