/**
 * One row of layer normalization on integers: the mean in 2^-fraction codes, the exact integer square root of the sum of
 * squares (I-ViT's I-LayerNorm, with a square root that converges for every input), and its reciprocal for all elements.
 */
import { clz32, i32, i64, mul32, narrow, widen } from './int.js';
import { clamp, shiftHalfUp } from './requantize.js';

/** floor(sqrt(value)) of 32 unsigned bits: two bits a step, so that nothing leaves 31 bits. */
export function integerSquareRoot(value: i32): i32 {
  let root: i32 = 0;
  let rest: i32 = 0;
  for (let pair: i32 = 15; pair >= 0; pair--) {
    rest = i32((rest << 2) + ((value >> i32(pair << 1)) & 3));
    const trial: i32 = i32((root << 2) + 1);
    root = root << 1;
    if (rest >= trial) {
      rest = i32(rest - trial);
      root = i32(root + 1);
    }
  }
  return root;
}

/** sum·2^fraction / depth rounded half up; (|sum|·2^fraction + depth)·2 < 2^31. */
export function layerNormMean(sum: i32, depth: i32, fraction: i32): i32 {
  const numerator: i32 = i32((sum << i32(fraction + 1)) + depth);
  const denominator: i32 = depth << 1;
  const quotient: i32 = i32(numerator / denominator);
  return i32(quotient - (mul32(quotient, denominator) > numerator ? 1 : 0));
}

/** The sum of (x·2^fraction - mean)^2, from the sums of x and of x^2: all terms are below 2^53. */
export function layerNormSquares(squares: i64, sum: i32, mean: i32, depth: i32, fraction: i32): i64 {
  const twice: i64 = i64(i64(widen(sum) * widen(mean)) << widen(i32(fraction + 1)));
  const shifted: i64 = i64(squares << widen(fraction << 1));
  return i64(i64(shifted - twice) + i64(widen(mul32(mean, mean)) * widen(depth)));
}

/** Half of the even shift that takes the sum of squares into [2^30, 2^32): to the left where positive. */
export function layerNormShift(squares: i64): i32 {
  const high: i32 = narrow(squares >> 32n);
  const length: i32 = high === 0 ? i32(32 - clz32(narrow(squares))) : i32(64 - clz32(high));
  return length > 32 ? i32(0 - (i32(length - 31) >> 1)) : i32(32 - length) >> 1;
}

/** (2^31 - 1) / sqrt(squares·4^shift), between 2^15 - 1 and 2^16; without any square every element is 0. */
export function layerNormReciprocal(squares: i64, shift: i32): i32 {
  if (squares === 0n) {
    return 2147483647;
  }
  const left: i32 = shift > 0 ? shift << 1 : 0;
  const right: i32 = shift > 0 ? 0 : i32(0 - shift) << 1;
  return i32(2147483647 / integerSquareRoot(narrow(i64(squares << widen(left)) >> widen(right))));
}

/** deviation / sqrt(squares) in Q15. The root is at least |deviation|·2^shift, so that the product stays below 2^31. */
export function layerNormShare(deviation: i32, reciprocal: i32, shift: i32): i32 {
  const right: i32 = shift > 0 ? 0 : i32(0 - shift);
  const places: i32 = shift > 0 ? i32(16 - shift) : 16;
  return clamp(shiftHalfUp(mul32(shiftHalfUp(deviation, right), reciprocal), places), -32768, 32767);
}
