/**
 * Requantization: accumulator → output scale. The one definition of each rounding (see integer-graph requantize modes).
 * Sources: gemmlowp fixedpoint.h and TFLite common.h (tflite*), HAWQ-V3 section 3 with half-up rounding (dyadic).
 */
import { type bool, i32, i64, narrow, widen } from './int.js';

/** Clamps to [low, high], low ≤ high. */
export function clamp(x: i32, low: i32, high: i32): i32 {
  return x < low ? low : x > high ? high : x;
}

/** (a·b·2 + rounding) / 2^32, half up, saturating for INT32_MIN². gemmlowp SaturatingRoundingDoublingHighMul. */
export function saturatingRoundingDoublingHighMul(a: i32, b: i32): i32 {
  if (a === -2147483648 && b === -2147483648) {
    return 2147483647;
  }
  return narrow(i64(i64(widen(a) * widen(b)) + 1073741824n) >> 31n);
}

/** x / 2^n rounded half away from zero, 0 ≤ n ≤ 31. gemmlowp RoundingDivideByPOT. */
export function roundingDivideByPowerOfTwo(x: i32, n: i32): i32 {
  const mask: i32 = i32((1 << n) - 1);
  const remainder: i32 = x & mask;
  const threshold: i32 = i32((mask >> 1) + (x < 0 ? 1 : 0));
  return i32((x >> n) + (remainder > threshold ? 1 : 0));
}

/** TFLite double rounding: shift > 0 shifts left first (the quantizer proves that it does not wrap), −31 ≤ shift ≤ 30. */
export function requantizeTfliteDouble(x: i32, multiplier: i32, shift: i32): i32 {
  const left: i32 = shift > 0 ? shift : 0;
  const right: i32 = shift > 0 ? 0 : i32(0 - shift);
  return roundingDivideByPowerOfTwo(saturatingRoundingDoublingHighMul(i32(x << left), multiplier), right);
}

/** TFLite single rounding: (x·multiplier + 2^(30−shift)) >> (31−shift), −31 ≤ shift ≤ 30. */
export function requantizeTfliteSingle(x: i32, multiplier: i32, shift: i32): i32 {
  const total: i64 = widen(i32(31 - shift));
  const nudge: i64 = i64(1n << i64(total - 1n));
  return narrow(i64(i64(widen(x) * widen(multiplier)) + nudge) >> total);
}

/** floor((x·multiplier + 2^(shift−1)) / 2^shift), 1 ≤ shift ≤ 62. */
export function requantizeDyadic(x: i32, multiplier: i32, shift: i32): i32 {
  const nudge: i64 = i64(1n << widen(i32(shift - 1)));
  return narrow(i64(i64(widen(x) * widen(multiplier)) + nudge) >> widen(shift));
}

/** requantizeDyadic with shift 32. */
export function requantizeDyadicHigh(x: i32, multiplier: i32): i32 {
  return narrow(i64(i64(widen(x) * widen(multiplier)) + 2147483648n) >> 32n);
}

/** x / 2^shift rounded toward minus infinity, 0 ≤ shift ≤ 31. */
export function shiftFloor(x: i32, shift: i32): i32 {
  return x >> shift;
}

/** x / 2^shift rounded half up, 0 ≤ shift ≤ 31, without overflow for any x. */
export function shiftHalfUp(x: i32, shift: i32): i32 {
  return shift === 0 ? x : i32((x >> shift) + ((x >> i32(shift - 1)) & 1));
}

/** x / 2^shift rounded half away from zero, 0 ≤ shift ≤ 31. */
export function shiftHalfAway(x: i32, shift: i32): i32 {
  return roundingDivideByPowerOfTwo(x, shift);
}

/** x / 2^shift rounded to nearest, ties to even, 0 ≤ shift ≤ 31. */
export function shiftHalfEven(x: i32, shift: i32): i32 {
  const quotient: i32 = x >> shift;
  const mask: i32 = i32((1 << shift) - 1);
  const remainder: i32 = x & mask;
  const half: i32 = mask >> 1;
  const tie: bool = shift > 0 && remainder === i32(half + 1);
  const up: bool = remainder > half;
  return i32(quotient + (tie ? quotient & 1 : up ? 1 : 0));
}

/**
 * TFLite's 16x8 form: the multiplier is rounded to 16 bits first, the 64-bit accumulator is rounded once, half up.
 * |x| < 2^47, −31 ≤ shift ≤ 7. MultiplyByQuantizedMultiplier(int64_t, …) in TFLite common.h.
 */
export function requantizeTfliteInt16(x: i64, multiplier: i32, shift: i32): i32 {
  const reduced: i32 = multiplier < 2147418112 ? i32(multiplier + 32768) >> 16 : 32767;
  const total: i64 = widen(i32(15 - shift));
  const nudge: i64 = i64(1n << i64(total - 1n));
  return narrow(i64(i64(x * widen(reduced)) + nudge) >> total);
}

/** Adds one signed digit of a constant multiplier: sum + x·2^exponent, 0 ≤ exponent ≤ 31. */
export function csdPlus(sum: i64, x: i32, exponent: i32): i64 {
  return i64(sum + i64(widen(x) << widen(exponent)));
}

/** Subtracts one signed digit of a constant multiplier: sum − x·2^exponent, 0 ≤ exponent ≤ 31. */
export function csdMinus(sum: i64, x: i32, exponent: i32): i64 {
  return i64(sum - i64(widen(x) << widen(exponent)));
}

/** csdPlus in 32 bits, which hold the whole sum, 0 ≤ exponent ≤ 31. */
export function csdPlusWord(sum: i32, x: i32, exponent: i32): i32 {
  return i32(sum + (x << exponent));
}

/** csdMinus in 32 bits, which hold the whole sum, 0 ≤ exponent ≤ 31. */
export function csdMinusWord(sum: i32, x: i32, exponent: i32): i32 {
  return i32(sum - (x << exponent));
}

/** The end of a shift-and-add product: sum / 2^shift rounded half up, 1 ≤ shift ≤ 62. */
export function csdRound(sum: i64, shift: i32): i32 {
  const nudge: i64 = i64(1n << widen(i32(shift - 1)));
  return narrow(i64(sum + nudge) >> widen(shift));
}

/** High word of the product, rounded down. */
export function multiplyHigh(a: i32, b: i32): i32 {
  return narrow(i64(widen(a) * widen(b)) >> 32n);
}
