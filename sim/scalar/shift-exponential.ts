/**
 * I-ViT's exponential by shifts (arXiv:2207.01405, section 3.3), in units of 1/unit: e^-p with log2(e) as 1.0111 in binary and
 * 2^-f as 1 - f/2. The unit has 7 to 8 bits at every scale, and distant values fall to 0.
 */
import { i32 } from './int.js';
import { shiftHalfUp } from './requantize.js';

/** A distance >= 0 in codes as a multiple of 1/unit: times 2^places, cut off where nothing is left of its exponential. */
export function shiftDistance(distance: i32, places: i32, limit: i32): i32 {
  if (places >= 0) {
    const most: i32 = i32((limit >> places) + 1);
    return (distance < most ? distance : most) << places;
  }
  const rounded: i32 = shiftHalfUp(distance, i32(0 - places));
  return rounded > limit ? i32(limit + 1) : rounded;
}

/** unit·2^bits at 0; 0 from (bits + 10)·unit on. 128 <= unit <= 256. */
export function shiftExponential(distance: i32, unit: i32, bits: i32): i32 {
  const negative: i32 = i32(0 - distance);
  let rest: i32 = i32(0 - i32(i32(negative + (negative >> 1)) - (negative >> 4)));
  let quotient: i32 = 0;
  for (let place: i32 = 4; place >= 0; place--) {
    const part: i32 = unit << place;
    if (rest >= part) {
      rest = i32(rest - part);
      quotient = i32(quotient + (1 << place));
    }
  }
  // More than 32 units: the quotient is at its end and nothing is left.
  if (rest >= unit) {
    return 0;
  }
  const left: i32 = i32(i32(bits - quotient) - 1);
  const line: i32 = i32((unit << 1) - rest);
  return left >= 0 ? line << left : line >> i32(0 - left);
}

/** part·2^bits / whole rounded half up by subtraction, 0 <= part <= whole < 2^31. */
export function shiftShare(part: i32, whole: i32, bits: i32): i32 {
  let quotient: i32 = part >= whole ? 1 : 0;
  let rest: i32 = part >= whole ? i32(part - whole) : part;
  for (let bit: i32 = 0; bit < bits; bit++) {
    // rest·2 >= whole, without leaving 31 bits
    const missing: i32 = i32(whole - rest);
    quotient = quotient << 1;
    if (rest >= missing) {
      rest = i32(rest - missing);
      quotient = i32(quotient + 1);
    } else {
      rest = rest << 1;
    }
  }
  return rest >= i32(whole - rest) ? i32(quotient + 1) : quotient;
}
