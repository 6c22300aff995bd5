/** TFLite's int8 LOGISTIC and TANH. Only tables are built with them. Source: TFLite reference_integer_ops logistic.h, tanh.h. */
import { expOnNegative, oneMinusOverOnePlus, oneOverOnePlus } from './exponential.js';
import { i32 } from './int.js';
import { clamp, roundingDivideByPowerOfTwo } from './requantize.js';

/** Code at scale 1/256, zero point -128 for an input in Q4.27. */
export function tfliteLogisticCode(x: i32): i32 {
  const half: i32 = oneOverOnePlus(expOnNegative(x > 0 ? i32(0 - x) : x, 4));
  const probability: i32 = x === 0 ? 1073741824 : x > 0 ? half : i32(2147483647 - half);
  return clamp(i32(roundingDivideByPowerOfTwo(probability, 23) - 128), -128, 127);
}

/** Code at scale 1/128, zero point 0 for an input in Q4.27: the same bits read as Q5.26 are twice the value. */
export function tfliteTanhCode(x: i32): i32 {
  const magnitude: i32 = oneMinusOverOnePlus(expOnNegative(x > 0 ? i32(0 - x) : x, 5));
  const value: i32 = x === 0 ? 0 : x > 0 ? magnitude : i32(0 - magnitude);
  return clamp(roundingDivideByPowerOfTwo(value, 24), -128, 127);
}
