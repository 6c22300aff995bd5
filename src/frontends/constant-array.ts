/** Constants as the front ends hold them before they become tensors of the graph: shape, values, and stored codes if any. */
import { elementCount, type ChannelMoments, type SourceQuantization } from '../graph/float.js';

export interface ConstantArray {
  readonly shape: readonly number[];
  /** Row-major. Booleans are 0/1 in an Int32Array; integers wider than 32 bits are saturated to it. */
  readonly data: Float32Array | Int32Array;
  /** Type in the file (`float16`, `int64`, `uint8`, …), for those who must know the width of stored codes. */
  readonly elementType?: string;
  readonly quantization?: SourceQuantization;
  readonly moments?: ChannelMoments;
}

type Codes = NonNullable<SourceQuantization['codes']>;

/** Row-major strides of a shape. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

export function isIdentityPermutation(permutation: readonly number[]): boolean {
  return permutation.every((axis, i) => axis === i);
}

/** For every element of the permuted array, the flat index it comes from. Output axis i is input axis permutation[i]. */
function permutedIndices(shape: readonly number[], permutation: readonly number[]): Int32Array {
  const strides = stridesOf(shape);
  const outShape = permutation.map((axis) => shape[axis]);
  const outStrides = permutation.map((axis) => strides[axis]);
  const indices = new Int32Array(elementCount(shape));
  const counter = new Array<number>(outShape.length).fill(0);
  let source = 0;
  for (let i = 0; i < indices.length; i++) {
    indices[i] = source;
    for (let axis = outShape.length - 1; axis >= 0; axis--) {
      source += outStrides[axis];
      if (++counter[axis] < outShape[axis]) break;
      source -= outStrides[axis] * outShape[axis];
      counter[axis] = 0;
    }
  }
  return indices;
}

function pick<T extends Codes | Float32Array>(values: T, indices: Int32Array): T {
  const result = new (values.constructor as new (length: number) => T)(indices.length);
  for (let i = 0; i < indices.length; i++) result[i] = values[indices[i]];
  return result;
}

/** Moves axes: axis i of the result is axis permutation[i] of the argument. Codes and the channel axis move along. */
export function permuteConstant(constant: ConstantArray, permutation: readonly number[]): ConstantArray {
  if (isIdentityPermutation(permutation)) return constant;
  const indices = permutedIndices(constant.shape, permutation);
  const q = constant.quantization;
  return {
    ...constant,
    shape: permutation.map((axis) => constant.shape[axis]),
    data: pick(constant.data, indices),
    ...(q && {
      quantization: { ...q, axis: q.axis === null ? null : permutation.indexOf(q.axis), ...(q.codes && { codes: pick(q.codes, indices) }) },
    }),
  };
}

/** Another shape over the same values. Per-channel codes stay where their axis survives, else only the values do. */
export function reshapeConstant(constant: ConstantArray, shape: readonly number[]): ConstantArray {
  const { quantization: q, ...rest } = constant;
  if (!q) return { ...rest, shape };
  if (q.axis === null) return { ...constant, shape };
  const axis = matchingAxis(constant.shape, q.axis, shape);
  return axis === null ? { ...rest, shape } : { ...constant, shape, quantization: { ...q, axis } };
}

/**
 * The axis of `target` that holds the same elements as `axis` of `source` after a reshape: same length and same product
 * of the axes before it. Where several match, the one with the fewest axes passed over. Null where there is none.
 */
export function matchingAxis(source: readonly number[], axis: number, target: readonly number[]): number | null {
  const before = elementCount(source.slice(0, axis));
  const matches = target.flatMap((length, i) => (length === source[axis] && elementCount(target.slice(0, i)) === before ? [i] : []));
  if (matches.length === 0) return null;
  return matches.reduce((best, i) => (Math.abs(i - axis) < Math.abs(best - axis) ? i : best));
}

/** NumPy broadcasting; null where the shapes do not fit. */
export function broadcastShapes(shapes: readonly (readonly number[])[]): number[] | null {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const offset = rank - shape.length;
    for (let i = 0; i < shape.length; i++) {
      if (shape[i] === 1) continue;
      if (result[offset + i] !== 1 && result[offset + i] !== shape[i]) return null;
      result[offset + i] = shape[i];
    }
  }
  return result;
}
