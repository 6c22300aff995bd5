/** Softmax of 8-bit codes: TFLite's fixed-point sequence, and the project's own by table and one division. */
import { expOnNegative, oneOverOnePlus } from './exponential.js';
import { clz32, i32, mul32 } from './int.js';
import { clamp, requantizeTfliteDouble, requantizeTfliteSingle, roundingDivideByPowerOfTwo, saturatingRoundingDoublingHighMul } from './requantize.js';

/** e^(beta·scale·difference) in Q0.31 for difference ≤ 0. TFLite reference softmax.h, double rounding. */
export function tfliteSoftmaxExp(difference: i32, multiplier: i32, shift: i32): i32 {
  return expOnNegative(requantizeTfliteDouble(difference, multiplier, shift), 5);
}

/** The same with single rounding of the scaled difference. */
export function tfliteSoftmaxExpSingle(difference: i32, multiplier: i32, shift: i32): i32 {
  return expOnNegative(requantizeTfliteSingle(difference, multiplier, shift), 5);
}

/** Term of the sum of exponentials, Q12.19. */
export function tfliteSoftmaxTerm(exponential: i32): i32 {
  return roundingDivideByPowerOfTwo(exponential, 12);
}

/** 1/sum of the normalized sum, Q0.31; sum ≥ 2^19. */
export function tfliteSoftmaxReciprocal(sum: i32): i32 {
  return oneOverOnePlus((sum << clz32(sum)) & 2147483647);
}

/** Code at scale 1/256, zero point -128. */
export function tfliteSoftmaxCode(exponential: i32, reciprocal: i32, sum: i32): i32 {
  const exponent: i32 = i32(35 - clz32(sum));
  const product: i32 = saturatingRoundingDoublingHighMul(reciprocal, exponential);
  // below 2^31, so that more than 31 places leave less than one half
  const share: i32 = exponent > 31 ? 0 : roundingDivideByPowerOfTwo(product, exponent);
  return clamp(i32(share - 128), -128, 127);
}

/** A share in one of two ranges: from `split` on rounded half up to a multiple of 2^shift, shift ≥ 1. */
export function twinShare(share: i32, split: i32, shift: i32): i32 {
  return share < split ? share : i32((i32(share + i32(1 << i32(shift - 1))) >> shift) << shift);
}

/** exponential·steps / sum rounded half up: a probability in units of 1/steps. exponential·steps < 2^29, 0 < sum < 2^30. */
export function softmaxShare(exponential: i32, steps: i32, sum: i32): i32 {
  return i32(i32((mul32(exponential, steps) << 1) + sum) / i32(sum << 1));
}
