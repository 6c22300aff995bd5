/** Operators that only move, cut or join values. The batch axis of the source is followed through all of them. */
import { elementCount } from '../../graph/float.js';
import { permuteConstant, reshapeConstant } from '../constant-array.js';
import { unsupported, type SourceValue } from '../import-context.js';
import type { TensorflowCall } from './call.js';
import { sliceConstant } from './fold.js';
import { sliceBox, type StridedSlice } from './strided-slice.js';

/** Gives a value another source shape: constants at once, activations by a reshape. A leading 1 is the batch. */
export function reshapeTo(call: TensorflowCall, value: SourceValue, shape: readonly number[], i = 0): void {
  if (!shape.every(Number.isInteger) || elementCount(shape) !== elementCount(value.shape)) call.fail(`cannot turn [${value.shape.join(', ')}] into [${shape.join(', ')}]`);
  if (value.constant) {
    call.defineConstant(reshapeConstant(value.constant, shape), i);
    return;
  }
  const batchAxis = shape[0] === 1 ? 0 : null;
  const perSample = batchAxis === 0 ? shape.slice(1) : shape;
  const same = call.context.shapeOf(value.tensor!).join() === perSample.join();
  call.define(same ? value.tensor! : call.emitLast('reshape', [value.tensor!], { shape: perSample }, i), batchAxis, i);
}

/** `wanted` may hold one −1. */
export function reshape(call: TensorflowCall, wanted: readonly number[]): void {
  const value = call.input(0);
  const known = elementCount(wanted.filter((d) => d !== -1));
  reshapeTo(call, value, wanted.map((d) => (d === -1 ? elementCount(value.shape) / known : d)));
}

/** Without axes, every axis of length 1 goes. */
export function squeeze(call: TensorflowCall, axes: readonly number[]): void {
  const value = call.input(0);
  const stated = axes.map((a) => call.context.axis(value, a, call.origin));
  reshapeTo(call, value, value.shape.filter((d, axis) => (stated.length === 0 ? d !== 1 : !stated.includes(axis))));
}

export function expandDims(call: TensorflowCall, stated: number): void {
  const value = call.input(0);
  reshapeTo(call, value, widened(value.shape, stated));
}

/** An axis of length 1 before `axis`; negative counts from the end of the result. */
function widened(shape: readonly number[], stated: number): readonly number[] {
  const axis = stated < 0 ? stated + shape.length + 1 : stated;
  return [...shape.slice(0, axis), 1, ...shape.slice(axis)];
}

export function transpose(call: TensorflowCall, permutation: readonly number[]): void {
  const value = call.input(0);
  if ([...permutation].sort((a, b) => a - b).join() !== value.shape.map((_, i) => i).join()) call.fail(`[${permutation.join(', ')}] does not permute ${value.shape.length} axes`);
  if (value.constant) {
    call.defineConstant(permuteConstant(value.constant, permutation));
    return;
  }
  const { batchAxis } = value;
  const inner = permutation.filter((a) => a !== batchAxis).map((a) => call.context.sampleAxis(a, batchAxis));
  const still = inner.every((a, i) => a === i);
  call.define(still ? value.tensor! : call.emitLast('transpose', [value.tensor!], { permutation: inner }), batchAxis === null ? null : permutation.indexOf(batchAxis));
}

/** All batch axes are first brought to one place; along the batch itself nothing is left out. */
export function concat(call: TensorflowCall, values: readonly SourceValue[], statedAxis: number): void {
  const axis = call.context.axis(values[0] ?? call.fail('has no inputs'), statedAxis, call.origin);
  const stated = values.find((v) => v.batchAxis !== null)?.batchAxis ?? null;
  const batchAxis = stated === axis ? null : stated;
  const tensors = values.map((v) => call.context.perSample(v, batchAxis, call.origin));
  call.define(call.emitLast('concat', tensors, { axis: call.context.sampleAxis(axis, batchAxis) }), batchAxis);
}

/** Each value gets an axis of length 1, then they are concatenated. */
export function pack(call: TensorflowCall, values: readonly SourceValue[], stated: number): void {
  const { context, origin } = call;
  const wide = values.map((v) => {
    const shape = widened(v.shape, stated);
    return v.constant ? context.constantTensor(v, reshapeConstant(v.constant, shape), origin) : context.reshape(context.perSample(v, null, origin), shape, origin);
  });
  const axis = stated < 0 ? stated + values[0]!.shape.length + 1 : stated;
  call.define(call.emitLast('concat', wide, { axis }), null);
}

interface Box {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
  /** Shape after axes have been added and shrunk; `sizes` unless given. */
  readonly shape?: readonly number[];
}

/** Result `i` is the box of `value`. */
function cut(call: TensorflowCall, value: SourceValue, box: Box, i = 0): void {
  const shape = box.shape ?? box.sizes;
  if (value.constant) {
    call.defineConstant(reshapeConstant(sliceConstant(value.constant, box.starts, box.sizes, box.steps), shape), i);
    return;
  }
  const batchAxis = value.batchAxis !== null && box.sizes[value.batchAxis] === 1 ? value.batchAxis : null;
  const tensor = call.context.perSample(value, batchAxis, call.origin);
  const own = (list: readonly number[]): readonly number[] => list.filter((_, axis) => axis !== batchAxis);
  const whole = own(box.sizes).join() === call.context.shapeOf(tensor).join() && own(box.steps).every((s) => s === 1);
  const part = whole ? tensor : call.emitLast('slice', [tensor], { starts: own(box.starts), sizes: own(box.sizes), steps: own(box.steps) }, i);
  if (shape.join() === box.sizes.join()) call.define(part, batchAxis, i);
  else reshapeTo(call, call.context.activation(call.outputNames[i]!, part, batchAxis), shape, i);
}

/** `sizes` may hold one −1. */
export function split(call: TensorflowCall, value: SourceValue, statedAxis: number, stated: readonly number[]): void {
  const axis = call.context.axis(value, statedAxis, call.origin);
  const known = stated.filter((s) => s !== -1).reduce((a, b) => a + b, 0);
  const sizes = stated.map((s) => (s === -1 ? value.shape[axis]! - known : s));
  if (sizes.reduce((a, b) => a + b, 0) !== value.shape[axis]) call.fail(`splits ${value.shape[axis]} elements into ${sizes.join(' + ')}`);
  let start = 0;
  sizes.forEach((size, i) => {
    const starts = value.shape.map((_, a) => (a === axis ? start : 0));
    cut(call, value, { starts, sizes: value.shape.map((d, a) => (a === axis ? size : d)), steps: value.shape.map(() => 1) }, i);
    start += size;
  });
}

export function unpack(call: TensorflowCall, statedAxis: number): void {
  const value = call.input(0);
  const axis = call.context.axis(value, statedAxis, call.origin);
  const shape = value.shape.filter((_, a) => a !== axis);
  const sizes = value.shape.map((d, a) => (a === axis ? 1 : d));
  call.outputNames.forEach((_, i) => cut(call, value, { starts: value.shape.map((_d, a) => (a === axis ? i : 0)), sizes, steps: value.shape.map(() => 1), shape }, i));
}

/** A size of −1 goes to the end. */
export function slice(call: TensorflowCall, starts: readonly number[], stated: readonly number[]): void {
  const value = call.input(0);
  const sizes = stated.map((s, axis) => (s === -1 ? value.shape[axis]! - starts[axis]! : s));
  cut(call, value, { starts, sizes, steps: starts.map(() => 1) });
}

export function stridedSlice(call: TensorflowCall, specification: StridedSlice): void {
  const value = call.input(0);
  const box = sliceBox(value.shape, specification);
  if (!box) call.fail(`its slice of [${value.shape.join(', ')}] is empty or names too many axes`);
  cut(call, value, box);
}

/** Values at indices along one axis; either the table or the indices are computed at run time. */
export function gather(call: TensorflowCall, values: SourceValue, indices: SourceValue, statedAxis: number): void {
  const { context, origin } = call;
  const axis = context.axis(values, statedAxis, origin);
  if (indices.constant) {
    const own = values.batchAxis === axis ? null : values.batchAxis;
    const tensors = [context.perSample(values, own, origin), context.tensor(indices, origin)];
    const moved = own !== null && own > axis ? own + indices.shape.length - 1 : own;
    call.define(call.emitLast('gather', tensors, { axis: context.sampleAxis(axis, own) }), moved);
    return;
  }
  if (!values.constant) unsupported('both the values and the indices are computed', 'a constant table or constant indices');
  const tensors = [context.tensor(values, origin), context.tensor(indices, origin)];
  call.define(call.emitLast('gather', tensors, { axis }), indices.batchAxis === null ? null : indices.batchAxis + axis);
}
