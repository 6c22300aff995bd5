/**
 * Requantization: accumulator → output scale. The one definition of each rounding (see integer-graph requantize modes).
 * Sources: gemmlowp fixedpoint.h and TFLite common.h (tflite*), HAWQ-V3 section 3 with half-up rounding (dyadic).
 */
import { i32, i64, narrow, widen } from './int.js';

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
  const mask: i32 = i32(narrow(i64(1n << widen(n))) - 1);
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
  return shift === 0 ? x : i32((x >> i32(shift - 1)) + 1) >> 1;
}
