/**
 * Twins of requantizations for cores without a long multiply, where a 64-bit product is a call of some forty instructions:
 * products of 16-bit halves, each of which fits 32 bits. The generator puts `<name>Halves` in the place of `<name>`.
 */
import { i32, mul32 } from './int.js';

/**
 * saturatingRoundingDoublingHighMul without its one saturating case: floor((a·b + 2^30) / 2^31), −2147483647 ≤ b ≤ 2147483647.
 * With a = aHigh·2^16 + aLow the sum is high·2^32 + cross·2^16 + (less than 2^16), which no rounding sees; |cross| < 2^31 − 2^15.
 */
export function doublingHighMulHalves(a: i32, b: i32): i32 {
  const aLow: i32 = a & 65535;
  const bLow: i32 = b & 65535;
  const aHigh: i32 = a >> 16;
  const bHigh: i32 = b >> 16;
  const middle: i32 = i32(mul32(aHigh, bLow) + ((mul32(aLow, bLow) >> 16) & 65535));
  const cross: i32 = i32(mul32(aLow, bHigh) + (middle & 65535));
  const high: i32 = i32(mul32(aHigh, bHigh) + (middle >> 16));
  return i32(i32(high << 1) + (i32(cross + 16384) >> 15));
}

/** saturatingRoundingDoublingHighMul. */
export function saturatingRoundingDoublingHighMulHalves(a: i32, b: i32): i32 {
  if (a === -2147483648 && b === -2147483648) {
    return 2147483647;
  }
  return doublingHighMulHalves(a, b);
}

/**
 * requantizeTfliteDouble, −2147483647 ≤ multiplier ≤ 2147483647, −31 ≤ shift ≤ 30. Half away from zero is half up of a negative
 * number that is one smaller; nothing wraps, for the doubled high word is never −2^31.
 */
export function requantizeTfliteDoubleHalves(x: i32, multiplier: i32, shift: i32): i32 {
  if (shift >= 0) {
    return doublingHighMulHalves(i32(x << shift), multiplier);
  }
  const rounded: i32 = doublingHighMulHalves(x, multiplier);
  const doubled: i32 = i32(rounded + (rounded >> 31)) >> i32(-1 - shift);
  return i32((doubled >> 1) + (doubled & 1));
}

/** requantizeDyadicHigh: floor((x·multiplier + 2^31) / 2^32). */
export function requantizeDyadicHighHalves(x: i32, multiplier: i32): i32 {
  const xLow: i32 = x & 65535;
  const mLow: i32 = multiplier & 65535;
  const xHigh: i32 = x >> 16;
  const mHigh: i32 = multiplier >> 16;
  const middle: i32 = i32(mul32(xHigh, mLow) + ((mul32(xLow, mLow) >> 16) & 65535));
  const cross: i32 = i32(mul32(xLow, mHigh) + (middle & 65535));
  const high: i32 = i32(mul32(xHigh, mHigh) + (middle >> 16));
  return i32(high + (i32((cross >> 15) + 1) >> 1));
}

/** multiplyHigh: floor(a·b / 2^32). */
export function multiplyHighHalves(a: i32, b: i32): i32 {
  const aLow: i32 = a & 65535;
  const bLow: i32 = b & 65535;
  const aHigh: i32 = a >> 16;
  const bHigh: i32 = b >> 16;
  const middle: i32 = i32(mul32(aHigh, bLow) + ((mul32(aLow, bLow) >> 16) & 65535));
  const cross: i32 = i32(mul32(aLow, bHigh) + (middle & 65535));
  return i32(i32(mul32(aHigh, bHigh) + (middle >> 16)) + (cross >> 16));
}

/**
 * floor(x·m / 2^22) of a multiplier m = upper·2^22 + middle·2^11 + lower, −1048576 ≤ x ≤ 1048576, 0 ≤ upper ≤ 511,
 * 0 ≤ middle ≤ 2047, 0 ≤ lower ≤ 2047: every product fits 32 bits.
 */
export function multiplyEleven(x: i32, upper: i32, middle: i32, lower: i32): i32 {
  return i32(mul32(x, upper) + (i32(mul32(x, middle) + (mul32(x, lower) >> 11)) >> 11));
}
