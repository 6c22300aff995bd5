/** Division by multiplication, where a division at run time would be done in floating point (CUDA). */
import { clz32, i32, i64, mul32, narrow, widen } from './int.js';
import { multiplyHigh } from './requantize.js';

/**
 * A little less than 2^30 / d, where the divisor is d·2^n with d in [1/2, 1); 1 ≤ divisor ≤ 2147483647. Newton's x(2 − dx)
 * from the tangent 8/3 − 16/9 d, whose relative error is at most 1/9 and is squared four times. All roundings go down and
 * 2 − dx is taken one unit too small, so that x stays below the exact value; the last step is off by less than 3·2^-30 of it.
 */
export function reciprocalOf(divisor: i32): i32 {
  const leading: i32 = divisor << i32(clz32(divisor) - 1);
  let x: i32 = i32(1431655764 - multiplyHigh(leading, 1908874354)) << 1;
  for (let step: i32 = 0; step < 4; step++) {
    const missing: i32 = i32(536870911 - multiplyHigh(leading, x));
    x = i32(x + multiplyHigh(x, missing << 3));
  }
  return x;
}

/** floor(numerator / divisor) or a little less: by at most 8, by at most 1 below eight divisors; 0 ≤ numerator ≤ 2147483647, 1 ≤ divisor ≤ 2147483647. */
function quotientBelow(numerator: i32, divisor: i32, reciprocal: i32): i32 {
  return narrow(i64(widen(numerator) * widen(reciprocal)) >> widen(i32(62 - clz32(divisor))));
}

/** numerator / divisor toward zero, −2147483647 ≤ numerator ≤ 2147483647, 1 ≤ divisor ≤ 2147483647: what is left of a first quotient is divided again. */
export function quotientByReciprocal(numerator: i32, divisor: i32): i32 {
  const reciprocal: i32 = reciprocalOf(divisor);
  const magnitude: i32 = numerator < 0 ? i32(0 - numerator) : numerator;
  const first: i32 = quotientBelow(magnitude, divisor, reciprocal);
  const rest: i32 = i32(magnitude - mul32(first, divisor));
  const second: i32 = quotientBelow(rest, divisor, reciprocal);
  const last: i32 = i32(rest - mul32(second, divisor));
  const quotient: i32 = i32(i32(first + second) + (last >= divisor ? 1 : 0));
  return numerator < 0 ? i32(0 - quotient) : quotient;
}
