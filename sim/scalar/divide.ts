/** Division without a divider. */
import { i32 } from './int.js';

/** floor(numerator / denominator) by subtraction, bit by bit; 0 ≤ numerator ≤ 2147483647, 1 ≤ denominator < 2^30. */
export function divideByBits(numerator: i32, denominator: i32): i32 {
  let quotient: i32 = 0;
  let rest: i32 = 0;
  for (let bit: i32 = 30; bit >= 0; bit--) {
    rest = i32((rest << 1) | ((numerator >> bit) & 1));
    quotient = quotient << 1;
    if (rest >= denominator) {
      rest = i32(rest - denominator);
      quotient = quotient | 1;
    }
  }
  return quotient;
}
