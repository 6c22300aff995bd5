/** TFLite's ADD and SUB on 8-bit codes: both operands at a common scale with 20 spare bits. Source: TFLite reference_integer_ops add.h. */
import { i32 } from './int.js';
import { requantizeTfliteDouble, requantizeTfliteSingle } from './requantize.js';

/** One operand at the common scale, |x - zeroPoint| < 2^11, shift ≤ 0: double rounding. */
export function tfliteAddTerm(x: i32, zeroPoint: i32, multiplier: i32, shift: i32): i32 {
  return requantizeTfliteDouble(i32(x - zeroPoint) << 20, multiplier, shift);
}

/** The same with one rounding. */
export function tfliteAddTermSingle(x: i32, zeroPoint: i32, multiplier: i32, shift: i32): i32 {
  return requantizeTfliteSingle(i32(x - zeroPoint) << 20, multiplier, shift);
}
