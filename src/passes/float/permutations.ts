/** Orders of axes. Axis i of the result is axis permutation[i] of the operand, everywhere. */
import { elementCount } from '../../graph/float.js';

export type Permutation = readonly number[];

export function identity(rank: number): Permutation {
  return Array.from({ length: rank }, (_, axis) => axis);
}

export function isIdentity(permutation: Permutation): boolean {
  return permutation.every((axis, i) => axis === i);
}

export function inverse(permutation: Permutation): Permutation {
  return permutation.map((_, axis) => permutation.indexOf(axis));
}

/** First `first`, then `second`. */
export function compose(first: Permutation, second: Permutation): Permutation {
  return second.map((axis) => first[axis]!);
}

export function permuted<T>(list: readonly T[], permutation: Permutation): T[] {
  return permutation.map((axis) => list[axis]!);
}

/** True where no element changes its place in memory: only axes of length 1 move. */
export function movesNothing(shape: readonly number[], permutation: Permutation): boolean {
  const moved = permutation.filter((axis) => shape[axis] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]!);
}

/** For every element of the transposed tensor, the flat index of the element it comes from. */
export function gatherIndices(shape: readonly number[], permutation: Permutation): Int32Array {
  const strides = permutation.map((axis) => elementCount(shape.slice(axis + 1)));
  const to = permuted(shape, permutation);
  const indices = new Int32Array(elementCount(shape));
  const position = new Array<number>(to.length).fill(0);
  let from = 0;
  for (let k = 0; k < indices.length; k++) {
    indices[k] = from;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      position[axis]!++;
      from += strides[axis]!;
      if (position[axis]! < to[axis]!) break;
      from -= strides[axis]! * to[axis]!;
      position[axis] = 0;
    }
  }
  return indices;
}

export function gathered<T extends Float32Array | Int32Array | Int8Array | Uint8Array | Int16Array>(data: T, indices: Int32Array): T {
  const result = data.slice(0, indices.length) as T;
  for (let k = 0; k < indices.length; k++) result[k] = data[indices[k]!]!;
  return result;
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
