/** Shape arithmetic of the data-moving operators, shared by the importers and the folding of constants. */
import { elementCount } from '../../graph/float.js';
import type { OnnxCall } from './call.js';

export interface SliceRange {
  readonly start: number;
  readonly size: number;
  readonly step: number;
}

/** Elements start, start+step, … before `end`, with ONNX's clamping of out-of-range ends. */
export function sliceRange(length: number, start: number, end: number, step: number): SliceRange {
  const low = step > 0 ? 0 : -1;
  const high = step > 0 ? length : length - 1;
  const clamp = (v: number): number => Math.max(low, Math.min(high, v < 0 ? v + length : v));
  const from = step > 0 ? Math.max(0, Math.min(length, start < 0 ? start + length : start)) : Math.max(0, Math.min(length - 1, start < 0 ? start + length : start));
  const size = Math.max(0, Math.ceil((clamp(end) - from) / step));
  return { start: from, size, step };
}

/** The range of every axis of `shape` for a Slice node. */
export function sliceRanges(call: OnnxCall, shape: readonly number[]): SliceRange[] {
  const starts = call.integersFrom('starts', 1, 'slice starts') ?? call.fail('has no starts');
  const ends = call.integersFrom('ends', 2, 'slice ends') ?? call.fail('has no ends');
  const axes = call.integersFrom('axes', 3, 'slice axes') ?? starts.map((_, i) => i);
  const steps = call.has(4) ? call.integers(4, 'slice steps') : starts.map(() => 1);
  const ranges: SliceRange[] = shape.map((length) => ({ start: 0, size: length, step: 1 }));
  axes.forEach((given, i) => {
    const axis = normalAxis(call, given, shape.length);
    if (!steps[i]) call.fail('has a step of 0');
    ranges[axis] = sliceRange(shape[axis], starts[i], ends[i], steps[i]);
  });
  return ranges;
}

export function normalAxis(call: OnnxCall, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) call.fail(`axis ${axis} is outside a tensor of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}

/** Target of a Reshape: 0 copies an axis (unless allowzero), −1 takes what is left. */
export function reshapeTarget(call: OnnxCall, shape: readonly number[], wanted: readonly number[]): number[] {
  const allowZero = call.int('allowzero', 0) !== 0;
  const target = wanted.map((d, i) => (d === 0 && !allowZero ? (shape[i] ?? call.fail(`copies axis ${i} of a tensor of rank ${shape.length}`)) : d));
  const free = target.indexOf(-1);
  if (free >= 0) target[free] = elementCount(shape) / elementCount(target.filter((_, i) => i !== free));
  if (elementCount(target) !== elementCount(shape) || target.some((d) => !Number.isInteger(d) || d < 0)) {
    call.fail(`cannot reshape [${shape.join(', ')}] to [${wanted.join(', ')}]`);
  }
  return target;
}

/** Flatten to two axes, cut before `axis`. */
export function flattenTarget(call: OnnxCall, shape: readonly number[]): number[] {
  const given = call.int('axis', 1);
  const axis = given === shape.length ? given : normalAxis(call, given, shape.length);
  return [elementCount(shape.slice(0, axis)), elementCount(shape.slice(axis))];
}

/** Axes that a Squeeze removes. */
export function squeezedAxes(call: OnnxCall, shape: readonly number[]): number[] {
  const given = call.integersFrom('axes', 1, 'axes');
  if (!given) return shape.flatMap((d, i) => (d === 1 ? [i] : []));
  const axes = given.map((axis) => normalAxis(call, axis, shape.length));
  for (const axis of axes) if (shape[axis] !== 1) call.fail(`squeezes axis ${axis}, which has length ${shape[axis]}`);
  return axes;
}

/** Axes of the result that an Unsqueeze inserts, ascending. */
export function unsqueezedAxes(call: OnnxCall, rank: number): number[] {
  const given = call.integersFrom('axes', 1, 'axes') ?? call.fail('has no axes');
  return given.map((axis) => normalAxis(call, axis, rank + given.length)).sort((a, b) => a - b);
}

export function insertAxes(shape: readonly number[], axes: readonly number[]): number[] {
  const result = [...shape];
  for (const axis of axes) result.splice(axis, 0, 1);
  return result;
}

/** Lengths of the outputs of a Split along an axis of this length. */
export function splitSizes(call: OnnxCall, length: number): readonly number[] {
  const given = call.integersFrom('split', 1, 'split sizes');
  const count = given?.length ?? call.int('num_outputs', call.node.outputs.length);
  const chunk = Math.ceil(length / count);
  const sizes = given ?? Array.from({ length: count }, (_, i) => Math.max(0, Math.min(chunk, length - i * chunk)));
  if (sizes.reduce((sum, size) => sum + size, 0) !== length) call.fail(`splits an axis of length ${length} into ${sizes.join(' + ')}`);
  return sizes;
}

export function permutationOf(call: OnnxCall, rank: number): readonly number[] {
  const permutation = call.ints('perm') ?? Array.from({ length: rank }, (_, i) => rank - 1 - i);
  if (permutation.length !== rank || new Set(permutation).size !== rank || permutation.some((a) => a < 0 || a >= rank)) {
    call.fail(`[${permutation.join(', ')}] is no permutation of ${rank} axes`);
  }
  return permutation;
}
