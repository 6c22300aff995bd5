/** Bytes of a .tflite file → plain tables of its main subgraph. Nothing here knows what an operator means. */
import { elementCount } from '../../graph/float.js';
import { ELEMENT_TYPES, FIELD, OPERATOR_NAMES, type ElementType } from './schema.js';
import { FlatFile, type Table } from './table.js';

export interface TfliteQuantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly number[];
  readonly axis: number;
}

export interface TfliteTensor {
  readonly index: number;
  /** The file's name, or `tensor_<index>`; of names that the converter joined by `;`, the first. Unique in the file. */
  readonly name: string;
  /** Declared shape; dynamic axes are 1. */
  readonly shape: readonly number[];
  /** Axes without a fixed length; `shape` may be stale where there are any. */
  readonly openAxes: readonly number[];
  readonly type: ElementType;
  readonly quantization: TfliteQuantization | null;
  /** Bytes of a constant. */
  readonly data: Uint8Array | null;
  readonly isVariable: boolean;
}

export interface TfliteOperator {
  readonly index: number;
  readonly name: string;
  /** Tensor indices; −1 = left out. */
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options: Table | null;
}

export interface TfliteModel {
  readonly tensors: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

const BITS: Partial<Record<ElementType, number>> = { float32: 32, float16: 16, int32: 32, uint8: 8, int64: 64, bool: 8, int16: 16, int8: 8, float64: 64, uint32: 32, uint16: 16, uint64: 64, int4: 4 };

/** Throws ModelFormatError for anything that contradicts the schema or the file's length. */
export function readTflite(bytes: Uint8Array, file: string): TfliteModel {
  const flat = new FlatFile(bytes, file);
  const model = flat.root('TFL3');
  const version = model.uint32(FIELD.model.version);
  if (version !== 3) flat.fail(`has schema version ${version}; only version 3 exists in the field`);
  const buffers = model.tables(FIELD.model.buffers);
  const subgraph = model.tables(FIELD.model.subgraphs)[0];
  if (!subgraph) flat.fail('has no subgraph');
  const tensors = uniqueNames(subgraph!.tables(FIELD.subgraph.tensors).map((t, i) => readTensor(flat, t, i, buffers)));
  const codes = model.tables(FIELD.model.operatorCodes).map(operatorName);
  const operators = subgraph!.tables(FIELD.subgraph.operators).map((o, index): TfliteOperator => {
    const name = codes[o.uint32(FIELD.operator.codeIndex)];
    if (name === undefined) flat.fail(`operator ${index} uses operator code ${o.uint32(FIELD.operator.codeIndex)} of ${codes.length}`);
    const inputs = o.int32s(FIELD.operator.inputs);
    const outputs = o.int32s(FIELD.operator.outputs);
    checkIndices(flat, `operator ${index} (${name})`, inputs, tensors.length, -1);
    checkIndices(flat, `operator ${index} (${name})`, outputs, tensors.length, 0);
    return { index, name: name!, inputs, outputs, options: o.table(FIELD.operator.options) };
  });
  const inputs = subgraph!.int32s(FIELD.subgraph.inputs);
  const outputs = subgraph!.int32s(FIELD.subgraph.outputs);
  checkIndices(flat, 'the list of inputs', inputs, tensors.length, 0);
  checkIndices(flat, 'the list of outputs', outputs, tensors.length, 0);
  return { tensors, operators, inputs, outputs };
}

/** Code 127 in the old 8-bit field means that the new field decides; the larger of the two is always right. */
function operatorName(code: Table): string {
  const number = Math.max(code.uint8(FIELD.operatorCode.deprecatedCode), code.int32(FIELD.operatorCode.code));
  const custom = code.text(FIELD.operatorCode.customCode);
  return custom !== '' ? `CUSTOM:${custom}` : (OPERATOR_NAMES.get(number) ?? `operator code ${number}`);
}

function checkIndices(flat: FlatFile, where: string, indices: readonly number[], count: number, least: number): void {
  const bad = indices.find((i) => i < least || i >= count);
  if (bad !== undefined) flat.fail(`${where} names tensor ${bad} of ${count}`);
}

/** A name that stands twice is made unique by the tensor's index; activations keep theirs before constants do. */
function uniqueNames(tensors: readonly TfliteTensor[]): TfliteTensor[] {
  const taken = new Set<string>();
  const named = [...tensors];
  for (const tensor of [...tensors.filter((t) => !t.data), ...tensors.filter((t) => t.data)]) {
    const name = taken.has(tensor.name) ? `${tensor.name}_${tensor.index}` : tensor.name;
    taken.add(name);
    named[tensor.index] = { ...tensor, name };
  }
  return named;
}

function readTensor(flat: FlatFile, t: Table, index: number, buffers: readonly Table[]): TfliteTensor {
  const name = t.text(FIELD.tensor.name).split(';')[0] || `tensor_${index}`;
  const where = `tensor ${index} ('${name}')`;
  const type = ELEMENT_TYPES[t.int8(FIELD.tensor.type)];
  if (!type) flat.fail(`${where} has the unknown element type ${t.int8(FIELD.tensor.type)}`);
  const declared = t.int32s(FIELD.tensor.shape);
  if (declared.some((d) => d < -1)) flat.fail(`${where} has the shape [${declared.join(', ')}]`);
  const shape = declared.map((d) => (d === -1 ? 1 : d));
  const signature = t.int32s(FIELD.tensor.shapeSignature);
  const openAxes = declared.map((_, axis) => axis).filter((axis) => declared[axis] === -1 || signature[axis] === -1);
  const buffer = buffers[t.uint32(FIELD.tensor.buffer)];
  if (!buffer) flat.fail(`${where} uses buffer ${t.uint32(FIELD.tensor.buffer)} of ${buffers.length}`);
  const data = bufferBytes(flat, buffer!, where);
  if (data) checkBytes(flat, where, shape, type!, data);
  if (data && t.table(FIELD.tensor.sparsity)) flat.fail(`${where} is stored in the sparse form, which is not read; convert the model without sparsity`);
  const quantization = readQuantization(flat, t.table(FIELD.tensor.quantization), where);
  return { index, name, shape, openAxes, type: type!, quantization, data, isVariable: t.bool(FIELD.tensor.isVariable) };
}

/** Inline bytes, or a range behind the tables (files above 2 GB). Null for activations. */
function bufferBytes(flat: FlatFile, buffer: Table, where: string): Uint8Array | null {
  const inline = buffer.bytes(FIELD.buffer.data);
  if (inline && inline.length > 0) return inline;
  const offset = buffer.int64(FIELD.buffer.offset);
  const size = buffer.int64(FIELD.buffer.size);
  if (offset <= 1 || size === 0) return null;
  flat.need(offset, size, `the data of ${where}`);
  return flat.bytes.subarray(offset, offset + size);
}

function checkBytes(flat: FlatFile, where: string, shape: readonly number[], type: ElementType, data: Uint8Array): void {
  const bits = BITS[type];
  if (bits === undefined) return;
  const expected = Math.ceil((elementCount(shape) * bits) / 8);
  if (data.length !== expected) flat.fail(`${where} is ${type} [${shape.join(', ')}], which needs ${expected} bytes, but its buffer has ${data.length}`);
}

function readQuantization(flat: FlatFile, q: Table | null, where: string): TfliteQuantization | null {
  if (!q) return null;
  const scale = q.float32s(FIELD.quantization.scale);
  const zeroPoint = q.int64s(FIELD.quantization.zeroPoint);
  if (scale.length === 0) return null;
  if (q.uint8(FIELD.quantization.detailsType) !== 0) flat.fail(`${where} uses custom quantization, which has no published meaning`);
  if (!scale.every((s) => Number.isFinite(s) && s > 0)) flat.fail(`${where} has a scale that is not a positive number`);
  if (zeroPoint.length !== scale.length && zeroPoint.length > 1) flat.fail(`${where} has ${scale.length} scales and ${zeroPoint.length} zero points`);
  return { scale, zeroPoint: scale.map((_, i) => zeroPoint[i] ?? zeroPoint[0] ?? 0), axis: q.int32(FIELD.quantization.axis) };
}
