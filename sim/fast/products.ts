/**
 * Number-only twins of sim/scalar/requantize.ts: the same integers without a bigint, for the simulator's inner loops.
 * Each is property-tested equal to its definition there (test/sim/requantize.test.ts).
 *
 * A double holds an exact product only below 2^53. Beyond, the low word comes from Math.imul, and the double product,
 * off by at most 2^9, still rounds to the exact high word.
 */

const TWO_32 = 4294967296;
const INVERSE_TWO_32 = 1 / TWO_32;

/** 2^0 … 2^62 and their inverses, exact in doubles. */
export const POWER = Float64Array.from({ length: 63 }, (_, n) => 2 ** n);
export const INVERSE_POWER = Float64Array.from({ length: 63 }, (_, n) => 2 ** -n);

/** floor((a·b + 2^(n−1)) / 2^n) in the low 32 bits, for i32 a and b and 1 ≤ n ≤ 62. */
export function multiplyRoundShift(a: number, b: number, n: number): number {
  if (a < 2097152 && a > -2097152 && n <= 52) return Math.floor((a * b + POWER[n - 1]!) * INVERSE_POWER[n]!) | 0;
  const low = Math.imul(a, b) >>> 0;
  const high = Math.round((a * b - low) * INVERSE_TWO_32);
  if (n > 32) return Math.floor((high + (n === 33 ? 1 : POWER[n - 33]!)) * INVERSE_POWER[n - 32]!) | 0;
  if (n === 32) return (high + (low >>> 31)) | 0;
  const rounded = low + POWER[n - 1]!;
  const carried = rounded >= TWO_32 ? high + 1 : high;
  return ((rounded >>> 0) >>> n) | (carried << (32 - n));
}

/** floor((a·b + 2^31) / 2^32): SMMULR. */
export function multiplyHighRounded(a: number, b: number): number {
  const low = Math.imul(a, b) >>> 0;
  return (Math.round((a * b - low) * INVERSE_TWO_32) + (low >>> 31)) | 0;
}

/** saturatingRoundingDoublingHighMul. */
export function doublingHigh(a: number, b: number): number {
  if (a < 2097152 && a > -2097152) return Math.floor((a * b + 1073741824) * 4.656612873077393e-10) | 0;
  if (a === -2147483648 && b === -2147483648) return 2147483647;
  return multiplyRoundShift(a, b, 31);
}

/** roundingDivideByPowerOfTwo: half away from zero, 0 ≤ n ≤ 31. */
export function divideHalfAway(x: number, n: number): number {
  const mask = ((1 << n) - 1) | 0;
  return ((x >> n) + ((x & mask) > (mask >> 1) + (x < 0 ? 1 : 0) ? 1 : 0)) | 0;
}

/** Ties to even, 0 ≤ n ≤ 31. */
export function divideHalfEven(x: number, n: number): number {
  const quotient = x >> n;
  const mask = ((1 << n) - 1) | 0;
  const remainder = x & mask;
  const half = mask >> 1;
  if (n > 0 && remainder === half + 1) return (quotient + (quotient & 1)) | 0;
  return remainder > half ? (quotient + 1) | 0 : quotient;
}

/** requantizeTfliteDouble. */
export function tfliteDouble(x: number, multiplier: number, shift: number): number {
  return shift > 0 ? doublingHigh(x << shift, multiplier) : divideHalfAway(doublingHigh(x, multiplier), -shift);
}

/** requantizeTfliteSingle. */
export function tfliteSingle(x: number, multiplier: number, shift: number): number {
  return multiplyRoundShift(x, multiplier, 31 - shift);
}

/** requantizeTfliteInt16 for an accumulator that a double holds exactly (|x| < 2^47) and a result of 32 bits. */
export function tfliteInt16(x: number, multiplier: number, shift: number): number {
  const reduced = multiplier < 2147418112 ? (multiplier + 32768) >> 16 : 32767;
  return wideRoundShift(x, reduced, 15 - shift);
}

/**
 * floor((x·m + 2^(n−1)) / 2^n), 1 ≤ n ≤ 62, where the result has 32 bits. x is cut at 2^16 and neither half's product may
 * leave 2^52: |x| < 2^47 with |m| ≤ 2^16 (tfliteInt16), or |x| ≤ 2^31 with |m| < 2^35 (csd).
 */
export function wideRoundShift(x: number, m: number, n: number): number {
  const upper = Math.floor(x * 0.0000152587890625);
  let high = upper * m;
  let low = (x - upper * 65536) * m;
  if (n > 16) high += POWER[n - 17]!;
  else low += POWER[n - 1]!;
  const carry = Math.floor(low * 0.0000152587890625);
  high += carry;
  low -= carry * 65536;
  if (n >= 16) return Math.floor(high * INVERSE_POWER[n - 16]!) | 0;
  return (high * POWER[16 - n]! + Math.floor(low * INVERSE_POWER[n]!)) | 0;
}
