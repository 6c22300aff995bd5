/** Tensors of a .tflite file as constants and quantizations of the float graph. */
import { ModelFormatError, type Origin } from '../../errors.js';
import { elementCount, type SourceQuantization } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import { unsupported } from '../import-context.js';
import { halfToFloat } from '../tensorflow/half.js';
import type { TfliteTensor } from './reader.js';
import type { ElementType } from './schema.js';

type Codes = NonNullable<SourceQuantization['codes']>;

const INTEGER_BITS: Partial<Record<ElementType, { readonly bits: number; readonly signed: boolean }>> = {
  int4: { bits: 4, signed: true },
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  int32: { bits: 32, signed: true },
};

/** Scale and zero point of an activation, undefined for a float or plain integer tensor. */
export function activationQuantization(tensor: TfliteTensor): SourceQuantization | undefined {
  const q = tensor.quantization;
  const type = INTEGER_BITS[tensor.type];
  if (!q || !type || tensor.type === 'int32') return undefined;
  // TFLite computes these with 64-bit accumulators and another rounding; nothing here would give its bits.
  if (tensor.type === 'int16') unsupported(`'${tensor.name}' has 16-bit activations`, 'int8 activations');
  if (q.scale.length !== 1) unsupported(`activation '${tensor.name}' has ${q.scale.length} scales`, 'one scale an activation');
  return { scale: q.scale, zeroPoint: q.zeroPoint, axis: null, ...type };
}

/** Type of an activation in the float graph. Codes without a scale have no meaning there. */
export function activationType(tensor: TfliteTensor): 'float32' | 'int32' | 'bool' {
  switch (tensor.type) {
    case 'float32':
      return 'float32';
    case 'int32':
    case 'int64':
      return 'int32';
    case 'bool':
      return 'bool';
    case 'int8':
    case 'uint8':
    case 'int16':
      return tensor.quantization ? 'float32' : unsupported(`'${tensor.name}' is ${tensor.type} without a scale`, 'float32 or int8 with a scale');
    default:
      return unsupported(`'${tensor.name}' is ${tensor.type}`, 'float32 or int8');
  }
}

/** A constant: its values, and its codes where it is quantized. */
export function constantOf(tensor: TfliteTensor, origin: Origin): ConstantArray {
  const codes = decodeIntegers(tensor);
  if (codes && tensor.quantization) return dequantized(tensor, codes, origin);
  if (codes) return { shape: tensor.shape, data: Int32Array.from(codes), elementType: tensor.type };
  return { shape: tensor.shape, data: decodeFloats(tensor), elementType: tensor.type };
}

/** A copy that starts at an aligned address. Files and every machine that runs Node are little-endian. */
function lanesOf(tensor: TfliteTensor): ArrayBuffer {
  return Uint8Array.from(tensor.data!).buffer;
}

/** Lanes of an integer tensor; null for a float one. Nibbles of int4 lie low first. */
function decodeIntegers(tensor: TfliteTensor): Codes | null {
  const bytes = tensor.data!;
  switch (tensor.type) {
    case 'int8':
      return new Int8Array(lanesOf(tensor));
    case 'uint8':
      return Uint8Array.from(bytes);
    case 'int4':
      return Int8Array.from({ length: elementCount(tensor.shape) }, (_, i) => (bytes[i >> 1]! << (i % 2 === 0 ? 28 : 24)) >> 28);
    case 'int16':
      return new Int16Array(lanesOf(tensor));
    case 'bool':
      return Int32Array.from(bytes, (v) => (v === 0 ? 0 : 1));
    case 'int32':
      return new Int32Array(lanesOf(tensor));
    case 'int64':
      return Int32Array.from(Array.from(new BigInt64Array(lanesOf(tensor)), saturate));
    default:
      return null;
  }
}

/** Bounds of slices are often ±2^63 and mean "to the end", which the ends of int32 mean too. */
function saturate(value: bigint): number {
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Number(value)));
}

function decodeFloats(tensor: TfliteTensor): Float32Array {
  switch (tensor.type) {
    case 'float32':
      return new Float32Array(lanesOf(tensor));
    case 'float64':
      return Float32Array.from(new Float64Array(lanesOf(tensor)));
    case 'float16':
      return Float32Array.from(new Uint16Array(lanesOf(tensor)), halfToFloat);
    default:
      return unsupported(`constant '${tensor.name}' is ${tensor.type}`, 'float32, float16, int8, int16, int32 or int64');
  }
}

/** real = scale·(code − zeroPoint), in double, rounded once to float32. */
function dequantized(tensor: TfliteTensor, codes: Codes, origin: Origin): ConstantArray {
  const { scale, zeroPoint, axis } = tensor.quantization!;
  const perChannel = scale.length > 1;
  const channels = perChannel ? tensor.shape[axis] : 1;
  if (channels !== scale.length && perChannel) {
    throw new ModelFormatError(`${origin.file}: tensor '${tensor.name}' has ${scale.length} scales for axis ${axis} of [${tensor.shape.join(', ')}]`, { origin });
  }
  const inner = perChannel ? elementCount(tensor.shape.slice(axis + 1)) : codes.length;
  const data = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) {
    const channel = perChannel ? Math.floor(i / inner) % scale.length : 0;
    data[i] = scale[channel]! * (codes[i]! - zeroPoint[channel]!);
  }
  const type = INTEGER_BITS[tensor.type] ?? { bits: 32, signed: true };
  return { shape: tensor.shape, data, elementType: tensor.type, quantization: { scale, zeroPoint, axis: perChannel ? axis : null, ...type, codes } };
}
