/** TFLite's mean of codes. Source: TFLite reference_integer_ops pooling.h. */
import { i32 } from './int.js';

/** sum / count rounded half away from zero, count ≥ 1, |sum| + count < 2^31. */
export function averageHalfAway(sum: i32, count: i32): i32 {
  const half: i32 = i32(count / 2);
  return sum > 0 ? i32(i32(sum + half) / count) : i32(i32(sum - half) / count);
}
