/** Products without a multiplier: a shifted summand for every bit that is set. */
import { i32, i64, widen } from './int.js';

/** Low 32 bits of x·factor, −2147483647 ≤ factor ≤ 2147483647; as many steps as the factor has bits. */
export function productByBits(x: i32, factor: i32): i32 {
  let rest: i32 = factor < 0 ? i32(0 - factor) : factor;
  let term: i32 = factor < 0 ? i32(0 - x) : x;
  let product: i32 = 0;
  for (let bit: i32 = 0; bit < 31; bit++) {
    if (rest === 0) {
      break;
    }
    if ((rest & 1) === 1) {
      product = i32(product + term);
    }
    term = term << 1;
    rest = rest >> 1;
  }
  return product;
}

/** x·factor, −2147483647 ≤ x ≤ 2147483647, −2147483647 ≤ factor ≤ 2147483647. */
export function wideProductByBits(x: i32, factor: i32): i64 {
  let rest: i32 = factor < 0 ? i32(0 - factor) : factor;
  let term: i64 = widen(factor < 0 ? i32(0 - x) : x);
  let product: i64 = 0n;
  for (let bit: i32 = 0; bit < 31; bit++) {
    if (rest === 0) {
      break;
    }
    if ((rest & 1) === 1) {
      product = i64(product + term);
    }
    term = i64(term << 1n);
    rest = rest >> 1;
  }
  return product;
}

/** interpolate without multiplication, 0 ≤ part < 2^places, 0 ≤ places ≤ 7, knots of 16 bits. */
export function interpolateByBits(left: i32, right: i32, part: i32, places: i32): i32 {
  const half: i32 = places === 0 ? 0 : 1 << i32(places - 1);
  return i32(left + (i32(productByBits(i32(right - left), part) + half) >> places));
}
