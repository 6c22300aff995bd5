/**
 * QuantizeLinear and DequantizeLinear: the file's own scales become the quantization of tensors; no node is left of them.
 * Constants carry their codes, activations their scale and zero point.
 */
import type { SourceQuantization } from '../../../graph/float.js';
import type { ConstantArray } from '../../constant-array.js';
import { unsupported } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { roundHalfToEven } from '../fold-elementwise.js';
import { elementTypeName } from '../tensor-data.js';

const CODE_TYPES: Readonly<Record<string, { readonly bits: number; readonly signed: boolean }>> = {
  int4: { bits: 4, signed: true },
  uint4: { bits: 4, signed: false },
  int8: { bits: 8, signed: true },
  uint8: { bits: 8, signed: false },
  int16: { bits: 16, signed: true },
  uint16: { bits: 16, signed: false },
  int32: { bits: 32, signed: true },
};

/** Scales and zero points of a node, for values of this rank. `fallbackType` is the type of the codes where no zero point says it. */
function quantizationOf(call: OnnxCall, shape: readonly number[], fallbackType: string): SourceQuantization {
  const scale = call.constant(1, 'scales');
  const zero = call.has(2) ? call.constant(2, 'zero points') : null;
  const type = CODE_TYPES[zero?.elementType ?? fallbackType];
  if (!type) unsupported(`codes of type ${zero?.elementType ?? fallbackType}`, Object.keys(CODE_TYPES).join(', '));
  if (call.int('block_size', 0) !== 0) unsupported('scales for blocks', 'one scale a tensor or a channel');
  if (scale.data.some((s) => !(s > 0) || !Number.isFinite(s))) call.fail('has a scale that is not a positive number');
  const perChannel = scale.data.length > 1;
  const axis = perChannel ? call.context.axis({ shape, name: call.node.inputs[0]! }, call.int('axis', 1), call.origin) : null;
  if (axis !== null && shape[axis] !== scale.data.length) call.fail(`has ${scale.data.length} scales for axis ${axis} of length ${shape[axis]}`);
  return { scale: [...scale.data], zeroPoint: zero ? [...zero.data] : [...scale.data].fill(0), axis, ...type };
}

type Codes = NonNullable<SourceQuantization['codes']>;

function packCodes(data: Float32Array | Int32Array, bits: number, signed: boolean): Codes {
  if (bits > 16 || (bits === 16 && !signed)) return Int32Array.from(data);
  if (bits === 16) return Int16Array.from(data);
  return signed ? Int8Array.from(data) : Uint8Array.from(data);
}

/** Values of stored codes. */
function dequantize(codes: ConstantArray, quantization: SourceQuantization): ConstantArray {
  const { scale, zeroPoint, axis, bits, signed } = quantization;
  const inner = axis === null ? codes.data.length : codes.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const data = Float32Array.from(codes.data, (code, i) => {
    const channel = axis === null ? 0 : Math.floor(i / inner) % scale.length;
    return (code - zeroPoint[channel]) * scale[channel];
  });
  return { shape: codes.shape, data, elementType: 'float32', quantization: { ...quantization, codes: packCodes(codes.data, bits, signed) } };
}

/** Real constants → codes, rounded half to even and clamped. */
function quantize(values: ConstantArray, quantization: SourceQuantization): ConstantArray {
  const { scale, zeroPoint, axis, bits, signed } = quantization;
  const inner = axis === null ? values.data.length : values.shape.slice(axis + 1).reduce((n, d) => n * d, 1);
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const high = low + 2 ** bits - 1;
  const data = Int32Array.from(values.data, (value, i) => {
    const channel = axis === null ? 0 : Math.floor(i / inner) % scale.length;
    return Math.max(low, Math.min(high, roundHalfToEven(value / scale[channel]) + zeroPoint[channel]));
  });
  return { shape: values.shape, data, elementType: `${signed ? '' : 'u'}int${bits}` };
}

const quantizeLinear: Importer = (call) => {
  const x = call.activation(0);
  const stated = elementTypeName(call.int('output_dtype', 2));
  const quantization = quantizationOf(call, x.shape, stated);
  if (x.constant) return call.defineConstant(quantize(x.constant, quantization));
  if (quantization.axis !== null) unsupported('a scale for every channel of an activation', 'one scale for the activation');
  const tensor = call.context.quantized(call.context.tensor(x, call.origin), quantization, call.origin, call.outputName);
  call.define({ ...call.context.activation(call.outputName, tensor, x.batchAxis), codes: true });
};

const dequantizeLinear: Importer = (call) => {
  const x = call.input(0);
  if (x.constant) return call.defineConstant(dequantize(x.constant, quantizationOf(call, x.shape, x.constant.elementType ?? 'uint8')));
  if (!x.codes) unsupported('dequantizes a value that nothing quantized', 'QuantizeLinear in front of it, or an integer input of the network');
  const present = call.context.quantizationOf(x.tensor!);
  const quantization = quantizationOf(call, x.shape, present ? `${present.signed ? '' : 'u'}int${present.bits}` : 'uint8');
  if (quantization.axis !== null) unsupported('a scale for every channel of an activation', 'one scale for the activation');
  const tensor = call.context.quantized(x.tensor!, quantization, call.origin, call.outputName);
  call.result(tensor, x.batchAxis);
};

export const quantization: ImporterTable = { QuantizeLinear: quantizeLinear, DequantizeLinear: dequantizeLinear };
