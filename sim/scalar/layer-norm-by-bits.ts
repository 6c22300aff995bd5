/** What layer-norm.ts computes once a row, for cores without multiplication and division: the same bits by shifts, sums and comparisons. */
import { divideByBits } from './divide.js';
import { i32, i64, narrow } from './int.js';
import { integerSquareRoot } from './layer-norm.js';
import { productByBits, wideProductByBits } from './products.js';

/** layerNormMean. */
export function layerNormMeanByBits(sum: i32, depth: i32, fraction: i32): i32 {
  const numerator: i32 = i32((sum << i32(fraction + 1)) + depth);
  const denominator: i32 = depth << 1;
  if (numerator < 0) {
    return i32(0 - divideByBits(i32(i32(denominator - 1) - numerator), denominator));
  }
  return divideByBits(numerator, denominator);
}

/** layerNormSquares: squares·4^fraction − mean·(2·sum·2^fraction − mean·depth). */
export function layerNormSquaresByBits(squares: i64, sum: i32, mean: i32, depth: i32, fraction: i32): i64 {
  let shifted: i64 = squares;
  for (let place: i32 = 0; place < fraction; place++) {
    shifted = i64(shifted << 2n);
  }
  return i64(shifted - wideProductByBits(i32((sum << i32(fraction + 1)) - productByBits(mean, depth)), mean));
}

/** layerNormShift, a step of two bits at a time. */
export function layerNormShiftByBits(squares: i64): i32 {
  let rest: i64 = squares;
  let shift: i32 = 0;
  for (let step: i32 = 0; step < 16; step++) {
    if (rest < 4294967296n) {
      break;
    }
    rest = i64(rest >> 2n);
    shift = i32(shift - 1);
  }
  for (let step: i32 = 0; step < 16; step++) {
    if (rest >= 1073741824n) {
      break;
    }
    rest = i64(rest << 2n);
    shift = i32(shift + 1);
  }
  return shift;
}

/** layerNormReciprocal. */
export function layerNormReciprocalByBits(squares: i64, shift: i32): i32 {
  if (squares === 0n) {
    return 2147483647;
  }
  let rest: i64 = squares;
  for (let step: i32 = 0; step < shift; step++) {
    rest = i64(rest << 2n);
  }
  for (let step: i32 = shift; step < 0; step++) {
    rest = i64(rest >> 2n);
  }
  return divideByBits(2147483647, integerSquareRoot(narrow(rest)));
}
