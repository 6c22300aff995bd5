/** Division without a divider. */
import { i32 } from './int.js';

/** floor(numerator / denominator) by subtraction, bit by bit; 0 ≤ numerator < 2^30, 0 < denominator < 2^30. */
export function divideByBits(numerator: i32, denominator: i32): i32 {
  let quotient: i32 = 0;
  let rest: i32 = 0;
  for (let bit: i32 = 29; bit >= 0; bit--) {
    rest = i32((rest << 1) | ((numerator >> bit) & 1));
    quotient = quotient << 1;
    if (rest >= denominator) {
      rest = i32(rest - denominator);
      quotient = quotient | 1;
    }
  }
  return quotient;
}

/**
 * softmaxShare for steps = 2^places, without multiplication: (exponential·2^places·2 + sum) / (2·sum), numerator and
 * denominator below 2^30; 0 ≤ exponential < 2^20, 0 ≤ places ≤ 8, 1 ≤ sum < 2^29.
 */
export function softmaxShareByBits(exponential: i32, places: i32, sum: i32): i32 {
  return divideByBits(i32((exponential << i32(places + 1)) + sum), sum << 1);
}
