/** Boxes of slices: on every axis `sizes` elements from `starts` on, `steps` apart. */
import type { FloatNode } from '../../graph/float.js';
import { elementCount } from '../../graph/float.js';

export interface Box {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

export function boxOf({ attributes }: FloatNode): Box {
  return { starts: attributes['starts'] as readonly number[], sizes: attributes['sizes'] as readonly number[], steps: attributes['steps'] as readonly number[] };
}

export function isWhole(box: Box, shape: readonly number[], axis: number): boolean {
  return box.starts[axis] === 0 && box.sizes[axis] === shape[axis] && box.steps[axis] === 1;
}

/** Axis i of the result is axis `from[i]` of the box; −1 is the whole of an axis of `shape`. */
export function rearranged(box: Box, from: readonly number[], shape: readonly number[]): Box {
  return {
    starts: from.map((axis) => (axis < 0 ? 0 : box.starts[axis]!)),
    sizes: from.map((axis, i) => (axis < 0 ? shape[i]! : box.sizes[axis]!)),
    steps: from.map((axis) => (axis < 0 ? 1 : box.steps[axis]!)),
  };
}

/** The box of `before` that holds the elements of `box` in the same order, where a reshape makes `after` of `before`; null where none does. */
export function boxBeforeReshape(box: Box, before: readonly number[], after: readonly number[]): Box | null {
  if (box.steps.some((step) => step !== 1)) return null;
  const [starts, sizes]: [number[], number[]] = [[], []];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    const [firstI, firstJ] = [i, j];
    do {
      const isShort = i < before.length && (j >= after.length || elementCount(before.slice(firstI, i)) <= elementCount(after.slice(firstJ, j)));
      if (isShort) i++;
      else j++;
    } while (elementCount(before.slice(firstI, i)) !== elementCount(after.slice(firstJ, j)));
    const range = rangeOf(box.starts.slice(firstJ, j), box.sizes.slice(firstJ, j), after.slice(firstJ, j));
    const part = range && partOf(range, before.slice(firstI, i));
    if (!part) return null;
    starts.push(...part.starts);
    sizes.push(...part.sizes);
  }
  return { starts, sizes, steps: starts.map(() => 1) };
}

interface Range {
  readonly start: number;
  readonly length: number;
}

/** The run of consecutive elements that a box is; null where it has gaps. */
function rangeOf(starts: readonly number[], sizes: readonly number[], shape: readonly number[]): Range | null {
  const first = sizes.findIndex((size) => size > 1);
  if (first >= 0 && sizes.some((size, axis) => axis > first && size !== shape[axis])) return null;
  const start = starts.reduce((sum, value, axis) => sum * shape[axis]! + value, 0);
  return { start, length: elementCount(sizes) };
}

/** The box that a run of consecutive elements is; null where it is none. */
function partOf({ start, length }: Range, shape: readonly number[]): Pick<Box, 'starts' | 'sizes'> | null {
  const starts: number[] = [];
  let rest = start;
  for (const axis of shape.keys()) {
    const inner = elementCount(shape.slice(axis + 1));
    const at = Math.floor(rest / inner);
    rest -= at * inner;
    starts.push(at);
    if (length < inner && rest + length <= inner) continue;
    if (length % inner !== 0 || rest !== 0) return null;
    const behind = shape.slice(axis + 1);
    return { starts: [...starts, ...behind.map(() => 0)], sizes: [...shape.slice(0, axis).map(() => 1), length / inner, ...behind] };
  }
  return { starts, sizes: [] };
}
