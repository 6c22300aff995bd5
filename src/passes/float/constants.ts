/** Constants under rewriting. Stored codes follow their values. */
import type { FloatTensor, SourceQuantization, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { gathered, gatherIndices, permuted, sameShape, type Permutation } from './permutations.js';

/** The one value of a constant with one element (float or integer), else undefined. */
export function scalarValue(editor: GraphEditor, id: TensorId): number | undefined {
  const { data } = editor.tensor(id);
  return data?.length === 1 ? data[0] : undefined;
}

/** A constant that varies along the last axis of `shape` alone (or not at all), as one value a channel. */
export function perChannelValues(constant: FloatTensor, shape: readonly number[]): Float32Array | undefined {
  const channels = shape.at(-1);
  if (!(constant.data instanceof Float32Array) || channels === undefined || constant.shape.length > shape.length) return undefined;
  if (constant.data.length === 1) return new Float32Array(channels).fill(constant.data[0]!);
  const isVector = constant.shape.at(-1) === channels && constant.data.length === channels;
  return isVector ? constant.data : undefined;
}

/** The constant with its axes in another order; per-channel scales move along. */
export function permuteConstant(editor: GraphEditor, id: TensorId, permutation: Permutation): TensorId {
  const { name, shape, data, quantization, origin } = editor.tensor(id);
  const indices = gatherIndices(shape, permutation);
  return editor.constant(name, permuted(shape, permutation), gathered(data!, indices), origin, quantization && permuteQuantization(quantization, permutation, indices));
}

export function permuteQuantization(quantization: SourceQuantization, permutation: Permutation, indices?: Int32Array): SourceQuantization {
  const { codes, axis } = quantization;
  return { ...quantization, axis: axis === null ? null : permutation.indexOf(axis), ...(codes && indices && { codes: gathered(codes, indices) }) };
}

/** The same elements under another shape; undefined where scales along an axis would lose it. */
export function reshapeConstant(editor: GraphEditor, id: TensorId, shape: readonly number[]): TensorId | undefined {
  const { name, shape: before, data, quantization, origin } = editor.tensor(id);
  if (sameShape(before, shape)) return id;
  const axis = quantization?.axis ?? null;
  if (quantization === undefined || axis === null) return editor.constant(name, shape, data!, origin, quantization);
  const moved = axisAfterReshape(before, shape, axis);
  return moved === undefined ? undefined : editor.constant(name, shape, data!, origin, { ...quantization, axis: moved });
}

/** The axis of `after` with the same size and the same number of elements behind it. */
export function axisAfterReshape(before: readonly number[], after: readonly number[], axis: number): number | undefined {
  const behind = (shape: readonly number[], i: number): number => shape.slice(i + 1).reduce((a, b) => a * b, 1);
  const found = after.findIndex((size, i) => size === before[axis] && behind(after, i) === behind(before, axis));
  return found < 0 ? undefined : found;
}

/** The same scales and zero points (codes aside). */
export function sameQuantization(a: SourceQuantization | undefined, b: SourceQuantization | undefined): boolean {
  if (!a || !b) return a === b;
  const key = ({ scale, zeroPoint, axis, bits, signed }: SourceQuantization): string => JSON.stringify([scale, zeroPoint, axis, bits, signed]);
  return key(a) === key(b);
}
