/** Stored tensors: raw bytes or typed fields → row-major values. */
import { ModelFormatError } from '../../errors.js';
import { elementCount } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import type { TensorMessage } from './proto.js';

type TypedField = 'floatData' | 'int32Data' | 'int64Data' | 'doubleData' | 'uint64Data';

interface ElementType {
  readonly name: string;
  readonly bits: number;
  readonly kind: 'float' | 'integer';
  /** The typed field that may hold the values instead of raw bytes. */
  readonly field: TypedField;
  readonly read: (view: DataView, index: number) => number;
  /** What a number of the typed field means, where it is not the value itself. */
  readonly fromField?: (stored: number) => number;
}

const signedNibble = (view: DataView, i: number): number => (unsignedNibble(view, i) << 28) >> 28;
const unsignedNibble = (view: DataView, i: number): number => (view.getUint8(i >> 1) >> ((i & 1) * 4)) & 15;
const bfloat16 = (bits: number): number => {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, (bits << 16) >>> 0);
  return view.getFloat32(0);
};

/** By the number of the element type in the file. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, { name: 'float32', bits: 32, kind: 'float', field: 'floatData', read: (v, i) => v.getFloat32(4 * i, true) }],
  [2, { name: 'uint8', bits: 8, kind: 'integer', field: 'int32Data', read: (v, i) => v.getUint8(i) }],
  [3, { name: 'int8', bits: 8, kind: 'integer', field: 'int32Data', read: (v, i) => v.getInt8(i) }],
  [4, { name: 'uint16', bits: 16, kind: 'integer', field: 'int32Data', read: (v, i) => v.getUint16(2 * i, true) }],
  [5, { name: 'int16', bits: 16, kind: 'integer', field: 'int32Data', read: (v, i) => v.getInt16(2 * i, true) }],
  [6, { name: 'int32', bits: 32, kind: 'integer', field: 'int32Data', read: (v, i) => v.getInt32(4 * i, true) }],
  [7, { name: 'int64', bits: 64, kind: 'integer', field: 'int64Data', read: (v, i) => Number(v.getBigInt64(8 * i, true)) }],
  [9, { name: 'bool', bits: 8, kind: 'integer', field: 'int32Data', read: (v, i) => (v.getUint8(i) ? 1 : 0) }],
  [10, { name: 'float16', bits: 16, kind: 'float', field: 'int32Data', read: (v, i) => float16(v.getUint16(2 * i, true)), fromField: float16 }],
  [11, { name: 'float64', bits: 64, kind: 'float', field: 'doubleData', read: (v, i) => v.getFloat64(8 * i, true) }],
  [12, { name: 'uint32', bits: 32, kind: 'integer', field: 'uint64Data', read: (v, i) => v.getUint32(4 * i, true) }],
  [13, { name: 'uint64', bits: 64, kind: 'integer', field: 'uint64Data', read: (v, i) => Number(v.getBigUint64(8 * i, true)) }],
  [16, { name: 'bfloat16', bits: 16, kind: 'float', field: 'int32Data', read: (v, i) => bfloat16(v.getUint16(2 * i, true)), fromField: bfloat16 }],
  [21, { name: 'uint4', bits: 4, kind: 'integer', field: 'int32Data', read: unsignedNibble }],
  [22, { name: 'int4', bits: 4, kind: 'integer', field: 'int32Data', read: signedNibble }],
] as const satisfies readonly (readonly [number, ElementType])[]);

const UNREAD_TYPES: Readonly<Record<number, string>> = { 0: 'undefined', 8: 'string', 14: 'complex64', 15: 'complex128', 17: 'float8', 18: 'float8', 19: 'float8', 20: 'float8', 23: 'float4' };

export function elementTypeName(code: number): string {
  return ELEMENT_TYPES.get(code)?.name ?? UNREAD_TYPES[code] ?? `type ${code}`;
}

/** True for the element types whose values are real numbers. */
export function isFloatType(code: number): boolean {
  return ELEMENT_TYPES.get(code)?.kind === 'float';
}

/** Half precision: 1 sign, 5 exponent, 10 fraction bits. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Reads one stored tensor; `where` names it in errors ("model.onnx: initializer 'conv1.weight'"). */
export function readTensor(message: TensorMessage, where: string): ConstantArray {
  if (message.dataLocation === 1 || (message.externalData?.length ?? 0) > 0) {
    const file = message.externalData?.find((entry) => entry.key === 'location')?.value ?? 'another file';
    throw new ModelFormatError(`${where} is stored outside the model, in '${file}'`, {
      hint: 'save the model as one file: onnx.save(onnx.load(path), new_path, save_as_external_data=False)',
    });
  }
  const code = message.dataType ?? 0;
  const type = ELEMENT_TYPES.get(code);
  if (!type) throw new ModelFormatError(`${where} has element type ${elementTypeName(code)}, which is not read`, { hint: 'floats of 16, 32 and 64 bits, integers of 4 to 64 bits and bool are' });
  const shape = [...(message.dims ?? [])];
  if (shape.some((d) => !Number.isSafeInteger(d) || d < 0)) throw new ModelFormatError(`${where} has an impossible shape [${shape.join(', ')}]`);
  return { shape, elementType: type.name, data: readValues(message, type, shape, where) };
}

function readValues(message: TensorMessage, type: ElementType, shape: readonly number[], where: string): Float32Array | Int32Array {
  const count = elementCount(shape);
  const raw = message.rawData;
  const field = message[type.field] ?? (type.field === 'uint64Data' ? message.int64Data : undefined);
  const bytes = Math.ceil((count * type.bits) / 8);
  const packedCount = type.bits === 4 ? Math.ceil(count / 2) : count;
  if (raw ? raw.length !== bytes : (field?.length ?? 0) !== packedCount) {
    const stored = raw ? `${raw.length} bytes` : `${field?.length ?? 0} values`;
    throw new ModelFormatError(`${where} claims ${type.name} [${shape.join(', ')}] = ${bytes} bytes, but ${stored} are stored`, { hint: 'the file is truncated or corrupt' });
  }
  const data = type.kind === 'float' ? new Float32Array(count) : new Int32Array(count);
  const view = raw && new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  for (let i = 0; i < count; i++) {
    const value = view ? type.read(view, i) : fieldValue(field!, type, i);
    data[i] = type.kind === 'float' ? value : saturate(value);
  }
  return data;
}

function fieldValue(field: readonly number[], type: ElementType, index: number): number {
  if (type.bits === 4) return type.read(new DataView(Uint8Array.of(field[index >> 1]).buffer), index & 1);
  return type.fromField ? type.fromField(field[index]) : field[index];
}

/** "To the end" in slices is the largest 64-bit integer; 32 bits say the same. */
function saturate(value: number): number {
  return Math.max(-2147483648, Math.min(2147483647, value));
}
