/** Functions of codes of more than 8 bits: straight lines between 513 knots. */
import { i32, mul32 } from './int.js';

/** left + (right − left)·part / 2^places rounded half up, 0 ≤ part < 2^places, 0 ≤ places ≤ 7, knots of 16 bits. */
export function interpolate(left: i32, right: i32, part: i32, places: i32): i32 {
  const half: i32 = places === 0 ? 0 : 1 << i32(places - 1);
  return i32(left + (i32(mul32(i32(right - left), part) + half) >> places));
}
