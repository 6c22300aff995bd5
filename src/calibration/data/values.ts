/** The elements of an array → the values of a graph input: order, preprocess, codes, checks. */
import { CalibrationError } from '../../errors.js';
import type { SourceQuantization } from '../../graph/float.js';
import type { Preprocess, RawArray } from '../types.js';
import type { SampleLayout, SamplePort } from './layout.js';
import type { NamedArray } from './npy.js';

export type CodeArray = Int8Array | Uint8Array | Int16Array;

/** One input's samples in the graph's order of axes. */
export interface PortValues {
  readonly count: number;
  readonly values: Float32Array | Int32Array;
  readonly codes: CodeArray | null;
  readonly raw: Uint8Array | null;
}

/** `count` ≤ layout.count samples are taken. */
export function portValues(array: NamedArray, port: SamplePort, layout: SampleLayout, count: number, preprocess: Preprocess | null): PortValues {
  if (port.type !== 'float32') return { count, values: integers(array, port, layout, count), codes: null, raw: null };
  const codes = preprocess ? null : codesOf(array.data, port.quantization);
  if (codes && port.quantization) {
    const ordered = inGraphOrder(codes, layout, count);
    return { count, values: dequantized(ordered, port.quantization), codes: ordered, raw: null };
  }
  const values = realValues(array, layout, count, preprocess);
  const raw = array.data instanceof Uint8Array ? inGraphOrder(array.data, layout, count) : null;
  return { count, values: new Float32Array(inGraphOrder(values, layout, count)), codes: null, raw };
}

/** The array itself where its type is exactly that of the quantized input. */
export function codesOf(data: RawArray, quantization: SourceQuantization | null): CodeArray | null {
  if (!quantization || quantization.bits > 16) return null;
  if (quantization.bits > 8) return data instanceof Int16Array && quantization.signed ? data : null;
  if (quantization.signed) return data instanceof Int8Array ? data : null;
  return data instanceof Uint8Array ? data : null;
}

export function dequantized(codes: CodeArray, { scale, zeroPoint }: SourceQuantization): Float32Array {
  return Float32Array.from(codes, (code) => scale[0]! * (code - zeroPoint[0]!));
}

/** (x·scale − mean)/std in double precision, in the data's own order. */
function realValues(array: NamedArray, layout: SampleLayout, count: number, preprocess: Preprocess | null): Float32Array {
  const { data, source } = array;
  const result = new Float32Array(count * layout.size);
  const channelOf = channelIndexer(layout);
  const { scale = 1, mean = [0], std = [1] } = preprocess ?? {};
  checkChannels(array, layout, mean, std);
  for (let i = 0; i < result.length; i++) {
    const value = Number(data[i]);
    if (!Number.isFinite(value)) throw new CalibrationError(`${source} holds ${value} at flat index ${i}`, { hint: 'calibration data must be finite numbers' });
    const channel = channelOf(i);
    result[i] = (value * scale - mean[mean.length > 1 ? channel : 0]!) / std[std.length > 1 ? channel : 0]!;
  }
  return result;
}

function checkChannels(array: NamedArray, layout: SampleLayout, mean: readonly number[], std: readonly number[]): void {
  const wanted = Math.max(mean.length, std.length);
  const channels = layout.dataShape[layout.channelAxis] ?? 1;
  if (wanted === 1 || wanted === channels) return;
  throw new CalibrationError(`--preprocess gives ${wanted} channels, but ${array.source} has ${channels} (samples of [${layout.dataShape.join(', ')}])`);
}

function channelIndexer({ dataShape, channelAxis }: SampleLayout): (flat: number) => number {
  const channels = dataShape[channelAxis] ?? 1;
  let inner = 1;
  for (let axis = channelAxis + 1; axis < dataShape.length; axis++) inner *= dataShape[axis]!;
  return (flat) => Math.floor(flat / inner) % channels;
}

function integers(array: NamedArray, port: SamplePort, layout: SampleLayout, count: number): Int32Array {
  const { data, source } = array;
  if (data instanceof Float32Array || data instanceof Float64Array) {
    throw new CalibrationError(`${source} holds floating-point numbers, but input '${port.name}' takes integers`, { hint: 'save it as int32 or int64' });
  }
  const result = new Int32Array(count * layout.size);
  for (let i = 0; i < result.length; i++) {
    result[i] = Number(data[i]);
    if (result[i] !== Number(data[i])) throw new CalibrationError(`${source} holds ${data[i]} at flat index ${i}, which does not fit int32`);
  }
  return inGraphOrder(result, layout, count);
}

function inGraphOrder<T extends Float32Array | Int32Array | CodeArray>(data: T, { order, size }: SampleLayout, count: number): T {
  if (!order) return data.subarray(0, count * size) as T;
  const result = data.slice(0, count * size) as T;
  for (let sample = 0; sample < count; sample++) {
    const offset = sample * size;
    for (let k = 0; k < size; k++) result[offset + k] = data[offset + order[k]!]!;
  }
  return result;
}
