/** The Constant operator: its value is one of several attributes. */
import type { ConstantArray } from '../constant-array.js';
import type { OnnxCall } from './call.js';

export function constantAttribute(call: OnnxCall): ConstantArray {
  const tensor = call.tensorAttribute('value');
  if (tensor) return tensor;
  if (call.hasAttribute('value_float')) return { shape: [], data: Float32Array.of(call.float('value_float', 0)), elementType: 'float32' };
  if (call.hasAttribute('value_int')) return { shape: [], data: Int32Array.of(call.int('value_int', 0)), elementType: 'int64' };
  const floats = call.floats('value_floats');
  if (floats) return { shape: [floats.length], data: Float32Array.from(floats), elementType: 'float32' };
  const integers = call.ints('value_ints');
  if (integers) return { shape: [integers.length], data: Int32Array.from(integers), elementType: 'int64' };
  return call.fail('has no numeric value');
}
