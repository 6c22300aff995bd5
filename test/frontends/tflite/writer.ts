/** Writes small .tflite files with the flatbuffers runtime, so that each operator can be tried alone. */
import { Builder } from 'flatbuffers';
import { ELEMENT_TYPES, FIELD, OPERATOR_NAMES, type ElementType } from '../../../src/frontends/tflite/schema.js';

export interface WrittenTensor {
  readonly name?: string;
  readonly shape: readonly number[];
  /** −1 for an open axis. */
  readonly signature?: readonly number[];
  readonly type?: ElementType;
  readonly data?: Float32Array | Int32Array | Int8Array | Uint8Array | Uint16Array | BigInt64Array;
  readonly quantization?: { readonly scale: readonly number[]; readonly zeroPoint: readonly number[]; readonly axis?: number };
}

/** Field id → value; booleans and padding or activation codes are bytes, lists are int32 vectors. */
export type Options = Readonly<Record<number, { readonly byte: number } | { readonly int: number } | { readonly float: number } | { readonly ints: readonly number[] }>>;

export interface WrittenOperator {
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly options?: Options;
}

export interface WrittenModel {
  readonly tensors: readonly WrittenTensor[];
  readonly operators: readonly WrittenOperator[];
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
}

/** Bytes of a version-3 file with one subgraph. */
export function writeTflite(model: WrittenModel): Uint8Array {
  const b = new Builder(1024);
  const buffers = [table(b, {}), ...model.tensors.flatMap((t) => (t.data ? [table(b, { [FIELD.buffer.data]: { offset: bytes(b, t.data) } })] : []))];
  let buffer = 0;
  const tensors = model.tensors.map((t) => writeTensor(b, t, t.data ? ++buffer : 0));
  const names = [...new Set(model.operators.map((o) => o.name))];
  const codes = names.map((name) => writeCode(b, name));
  const operators = model.operators.map((o) => writeOperator(b, o, names.indexOf(o.name)));
  const subgraph = table(b, {
    [FIELD.subgraph.tensors]: { offset: offsets(b, tensors) },
    [FIELD.subgraph.inputs]: { offset: int32s(b, model.inputs) },
    [FIELD.subgraph.outputs]: { offset: int32s(b, model.outputs) },
    [FIELD.subgraph.operators]: { offset: offsets(b, operators) },
  });
  const root = table(b, {
    [FIELD.model.version]: { int: 3 },
    [FIELD.model.operatorCodes]: { offset: offsets(b, codes) },
    [FIELD.model.subgraphs]: { offset: offsets(b, [subgraph]) },
    [FIELD.model.buffers]: { offset: offsets(b, buffers) },
  });
  b.finish(root, 'TFL3');
  return b.asUint8Array();
}

type Field = { readonly byte: number } | { readonly int: number } | { readonly float: number } | { readonly offset: number };

function table(b: Builder, fields: Readonly<Record<number, Field | undefined>>): number {
  const ids = Object.keys(fields).map(Number).filter((id) => fields[id] !== undefined);
  b.startObject(Math.max(0, ...ids.map((id) => id + 1)));
  for (const id of ids) {
    const field = fields[id]!;
    if ('byte' in field) b.addFieldInt8(id, field.byte, 0);
    else if ('int' in field) b.addFieldInt32(id, field.int, 0);
    else if ('float' in field) b.addFieldFloat32(id, field.float, 0);
    else b.addFieldOffset(id, field.offset, 0);
  }
  return b.endObject();
}

function writeTensor(b: Builder, t: WrittenTensor, buffer: number): number {
  const name = t.name === undefined ? null : b.createString(t.name);
  const shape = int32s(b, t.shape);
  const signature = t.signature ? int32s(b, t.signature) : null;
  const quantization = t.quantization ? writeQuantization(b, t.quantization) : null;
  return table(b, {
    [FIELD.tensor.shape]: { offset: shape },
    [FIELD.tensor.type]: { byte: ELEMENT_TYPES.indexOf(t.type ?? 'float32') },
    [FIELD.tensor.buffer]: { int: buffer },
    ...(name !== null && { [FIELD.tensor.name]: { offset: name } }),
    ...(quantization !== null && { [FIELD.tensor.quantization]: { offset: quantization } }),
    ...(signature !== null && { [FIELD.tensor.shapeSignature]: { offset: signature } }),
  });
}

function writeQuantization(b: Builder, q: NonNullable<WrittenTensor['quantization']>): number {
  b.startVector(4, q.scale.length, 4);
  for (const s of [...q.scale].reverse()) b.addFloat32(s);
  const scale = b.endVector();
  b.startVector(8, q.zeroPoint.length, 8);
  for (const z of [...q.zeroPoint].reverse()) b.addInt64(BigInt(z));
  const zeroPoint = b.endVector();
  return table(b, { [FIELD.quantization.scale]: { offset: scale }, [FIELD.quantization.zeroPoint]: { offset: zeroPoint }, [FIELD.quantization.axis]: { int: q.axis ?? 0 } });
}

function writeCode(b: Builder, name: string): number {
  const number = [...OPERATOR_NAMES].find(([, n]) => n === name)?.[0];
  if (number === undefined) throw new Error(`no operator code for ${name}`);
  return table(b, { [FIELD.operatorCode.deprecatedCode]: { byte: Math.min(number, 127) }, [FIELD.operatorCode.code]: { int: number } });
}

function writeOperator(b: Builder, o: WrittenOperator, code: number): number {
  const options = o.options ? writeOptions(b, o.options) : null;
  const inputs = int32s(b, o.inputs);
  const outputs = int32s(b, o.outputs);
  return table(b, {
    [FIELD.operator.codeIndex]: { int: code },
    [FIELD.operator.inputs]: { offset: inputs },
    [FIELD.operator.outputs]: { offset: outputs },
    ...(options !== null && { [FIELD.operator.options]: { offset: options } }),
  });
}

function writeOptions(b: Builder, options: Options): number {
  const fields: Record<number, Field> = {};
  for (const [id, value] of Object.entries(options)) fields[Number(id)] = 'ints' in value ? { offset: int32s(b, value.ints) } : value;
  return table(b, fields);
}

function int32s(b: Builder, values: readonly number[]): number {
  b.startVector(4, values.length, 4);
  for (const value of [...values].reverse()) b.addInt32(value);
  return b.endVector();
}

function offsets(b: Builder, values: readonly number[]): number {
  b.startVector(4, values.length, 4);
  for (const value of [...values].reverse()) b.addOffset(value);
  return b.endVector();
}

function bytes(b: Builder, data: NonNullable<WrittenTensor['data']>): number {
  return b.createByteVector(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}
