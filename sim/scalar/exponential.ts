/** Fixed-point e^x and 1/(1+x) as TFLite's quantized kernels compute them. Source: gemmlowp fixedpoint.h. */
import { i32, i64, narrow, widen } from './int.js';
import { roundingDivideByPowerOfTwo, saturatingRoundingDoublingHighMul } from './requantize.js';

/** x·2^n clamped to 32 bits, 1 ≤ n ≤ 30. */
export function saturatingShiftLeft(x: i32, n: i32): i32 {
  const limit: i32 = i32((1 << i32(31 - n)) - 1);
  return x > limit ? 2147483647 : x < i32(0 - limit) ? -2147483648 : x << n;
}

/** e^a for a in [-1/4, 0), Q0.31 in and out: Taylor series of degree four around -1/8. */
export function expNearZero(a: i32): i32 {
  const x: i32 = i32(a + 268435456);
  const x2: i32 = saturatingRoundingDoublingHighMul(x, x);
  const x3: i32 = saturatingRoundingDoublingHighMul(x2, x);
  const x4: i32 = saturatingRoundingDoublingHighMul(x2, x2);
  const tail: i32 = saturatingRoundingDoublingHighMul(i32(roundingDivideByPowerOfTwo(x4, 2) + x3), 715827883);
  const series: i32 = roundingDivideByPowerOfTwo(i32(tail + x2), 1);
  return i32(1895147668 + saturatingRoundingDoublingHighMul(1895147668, i32(x + series)));
}

/** result·factor (Q0.31) where bit `bit` of `remainder` is set; bits from 31 on are never set. */
export function expFactor(result: i32, remainder: i32, bit: i32, factor: i32): i32 {
  return bit < 31 && ((remainder >> bit) & 1) !== 0 ? saturatingRoundingDoublingHighMul(result, factor) : result;
}

/** e^a in Q0.31 for a ≤ 0 with `integerBits` (4 or 5) integer bits. */
export function expOnNegative(a: i32, integerBits: i32): i32 {
  const fraction: i32 = i32(31 - integerBits);
  const quarter: i32 = 1 << i32(fraction - 2);
  const near: i32 = i32((a & i32(quarter - 1)) - quarter);
  const remainder: i32 = i32(near - a);
  const r0: i32 = expFactor(expNearZero(saturatingShiftLeft(near, integerBits)), remainder, i32(fraction - 2), 1672461947);
  const r1: i32 = expFactor(r0, remainder, i32(fraction - 1), 1302514674);
  const r2: i32 = expFactor(r1, remainder, fraction, 790015084);
  const r3: i32 = expFactor(r2, remainder, i32(fraction + 1), 290630308);
  const r4: i32 = expFactor(r3, remainder, i32(fraction + 2), 39332535);
  const r5: i32 = expFactor(r4, remainder, i32(fraction + 3), 720401);
  const r6: i32 = expFactor(r5, remainder, i32(fraction + 4), 242);
  return a === 0 ? 2147483647 : r6;
}

/** (a + 1)/2 in Q0.31 for a in [0, 1). */
function halfDenominator(a: i32): i32 {
  return narrow(i64(widen(a) + 2147483648n) >> 1n);
}

/** One Newton step towards 1/halfDenominator, Q2.29. */
function newtonStep(x: i32, denominator: i32): i32 {
  const product: i32 = saturatingRoundingDoublingHighMul(denominator, x);
  const correction: i32 = saturatingRoundingDoublingHighMul(x, i32(536870912 - product));
  return i32(x + saturatingShiftLeft(correction, 2));
}

/** 2/(1 + a) in Q2.29 for a in [0, 1), Q0.31. */
function twiceReciprocal(a: i32): i32 {
  const denominator: i32 = halfDenominator(a);
  const start: i32 = i32(1515870810 + saturatingRoundingDoublingHighMul(denominator, -1010580540));
  return newtonStep(newtonStep(newtonStep(start, denominator), denominator), denominator);
}

/** 1/(1 + a) in Q0.31 for a in [0, 1), Q0.31. */
export function oneOverOnePlus(a: i32): i32 {
  return saturatingShiftLeft(twiceReciprocal(a), 1);
}

/** (1 - a)/(1 + a) in Q0.31 for a in [0, 1), Q0.31. */
export function oneMinusOverOnePlus(a: i32): i32 {
  return saturatingShiftLeft(i32(twiceReciprocal(a) - 536870912), 2);
}
