/** Operators that only move, cut or join values. The batch axis of the source is followed through all of them. */
import type { SourceValue } from '../../import-context.js';
import { unsupported } from '../../import-context.js';
import { permuteConstant, reshapeConstant } from '../../constant-array.js';
import { sliceBox } from '../../strided-slice.js';
import type { Importer, OperatorCall } from '../call.js';
import { OPTION } from '../schema.js';
import { sliceConstant } from '../fold.js';

/** Gives input 0 another source shape: constants at once, activations by a reshape. A leading 1 is the batch. */
export function reshapeTo(call: OperatorCall, value: SourceValue, shape: readonly number[], i = 0): void {
  const count = shape.reduce((a, b) => a * b, 1);
  if (count !== value.shape.reduce((a, b) => a * b, 1)) call.fail(`cannot turn [${value.shape.join(', ')}] into [${shape.join(', ')}]`);
  if (value.constant) {
    call.defineConstant(reshapeConstant(value.constant, shape), i);
    return;
  }
  const batchAxis = shape[0] === 1 ? 0 : null;
  const perSample = batchAxis === 0 ? shape.slice(1) : shape;
  const same = call.context.shapeOf(value.tensor!).join() === perSample.join();
  call.define(same ? value.tensor! : call.emitLast('reshape', [value.tensor!], { shape: perSample }, i), batchAxis, i);
}

const reshape: Importer = (call) => {
  const value = call.input(0);
  const wanted = call.optional(1) === null ? call.ints(OPTION.reshape.newShape) : call.integers(1, 'shapes');
  const known = wanted.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
  const total = value.shape.reduce((a, b) => a * b, 1);
  reshapeTo(call, value, wanted.map((d) => (d === -1 ? total / known : d)));
};

const squeeze: Importer = (call) => {
  const value = call.input(0);
  const stated = call.ints(OPTION.squeeze.axes).map((a) => call.context.axis(value, a, call.origin));
  reshapeTo(call, value, value.shape.filter((d, axis) => (stated.length === 0 ? d !== 1 : !stated.includes(axis))));
};

const expandDims: Importer = (call) => {
  const value = call.input(0);
  const stated = call.integers(1, 'axes')[0]!;
  const axis = stated < 0 ? stated + value.shape.length + 1 : stated;
  reshapeTo(call, value, [...value.shape.slice(0, axis), 1, ...value.shape.slice(axis)]);
};

const transpose: Importer = (call) => {
  const value = call.input(0);
  const permutation = call.integers(1, 'permutations');
  if (value.constant) {
    call.defineConstant(permuteConstant(value.constant, permutation));
    return;
  }
  const { batchAxis } = value;
  const inner = permutation.filter((a) => a !== batchAxis).map((a) => call.context.sampleAxis(a, batchAxis));
  const still = inner.every((a, i) => a === i);
  call.define(still ? value.tensor! : call.emitLast('transpose', [value.tensor!], { permutation: inner }), batchAxis === null ? null : permutation.indexOf(batchAxis));
};

const concatenation: Importer = (call) => {
  const values = call.inputs.map((_, i) => call.input(i));
  const axis = call.context.axis(values[0]!, call.int(OPTION.concatenation.axis), call.origin);
  if (call.activation(OPTION.concatenation.activation)) unsupported('an activation fused into a concatenation', 'the activation as an operator of its own');
  // All batch axes are first brought to one place; along the batch itself nothing may be left out.
  const stated = values.find((v) => v.batchAxis !== null)?.batchAxis ?? null;
  const batchAxis = stated === axis ? null : stated;
  const tensors = values.map((v) => call.context.perSample(v, batchAxis, call.origin));
  call.define(call.emitLast('concat', tensors, { axis: call.context.sampleAxis(axis, batchAxis) }), batchAxis);
}

/** PACK: each value gets an axis of length 1, then they are concatenated. */
const pack: Importer = (call) => {
  const values = call.inputs.map((_, i) => call.input(i));
  const stated = call.int(OPTION.pack.axis);
  const axis = stated < 0 ? stated + values[0]!.shape.length + 1 : stated;
  const widened = values.map((v): SourceValue => {
    const shape = [...v.shape.slice(0, axis), 1, ...v.shape.slice(axis)];
    if (v.constant) return { ...v, shape, constant: reshapeConstant(v.constant, shape) };
    const tensor = call.context.reshape(call.context.perSample(v, null, call.origin), shape, call.origin);
    return call.context.activation(v.name, tensor, null);
  });
  const { context, origin } = call;
  const whole = context.emit('concat', widened.map((v) => context.tensor(v, origin)), { axis }, origin, call.outputs[0]!.name, call.quantization(0));
  call.define(whole, null);
};

/** Output `i` is the box of `value`, then given the shape that shrunk and new axes leave. */
function cut(call: OperatorCall, value: SourceValue, box: { readonly starts: readonly number[]; readonly sizes: readonly number[]; readonly steps: readonly number[]; readonly shape?: readonly number[] }, i = 0): void {
  const shape = box.shape ?? box.sizes;
  if (value.constant) {
    const part = sliceConstant(value.constant, box.starts, box.sizes, box.steps);
    call.defineConstant(reshapeConstant(part, shape), i);
    return;
  }
  const inside = value.batchAxis !== null && box.sizes[value.batchAxis] === 1 ? value.batchAxis : null;
  const tensor = call.context.perSample(value, inside, call.origin);
  const drop = (list: readonly number[]): readonly number[] => list.filter((_, axis) => axis !== inside);
  const sliced = drop(box.sizes).join() === call.context.shapeOf(tensor).join() && drop(box.steps).every((s) => s > 0)
    ? tensor
    : call.emitLast('slice', [tensor], { starts: drop(box.starts), sizes: drop(box.sizes), steps: drop(box.steps) }, i);
  const reshaped = shape.join() !== box.sizes.join();
  const part = call.context.activation(call.outputs[i]!.name, sliced, inside);
  if (reshaped) reshapeTo(call, part, shape, i);
  else call.define(sliced, inside, i);
}

function splitAt(call: OperatorCall, value: SourceValue, axis: number, sizes: readonly number[]): void {
  let start = 0;
  sizes.forEach((size, i) => {
    const starts = value.shape.map((_, a) => (a === axis ? start : 0));
    cut(call, value, { starts, sizes: value.shape.map((d, a) => (a === axis ? size : d)), steps: value.shape.map(() => 1) }, i);
    start += size;
  });
  if (start !== value.shape[axis]) call.fail(`splits ${value.shape[axis]} elements into ${sizes.join(' + ')}`);
}

const split: Importer = (call) => {
  const value = call.input(1);
  const axis = call.context.axis(value, call.integers(0, 'axes')[0]!, call.origin);
  const parts = call.outputs.length;
  splitAt(call, value, axis, call.outputs.map(() => value.shape[axis]! / parts));
};

const splitV: Importer = (call) => {
  const value = call.input(0);
  const axis = call.context.axis(value, call.integers(2, 'axes')[0]!, call.origin);
  const sizes = call.integers(1, 'sizes');
  const known = sizes.filter((s) => s !== -1).reduce((a, b) => a + b, 0);
  splitAt(call, value, axis, sizes.map((s) => (s === -1 ? value.shape[axis]! - known : s)));
};

const unpack: Importer = (call) => {
  const value = call.input(0);
  const axis = call.context.axis(value, call.int(OPTION.unpack.axis), call.origin);
  call.outputs.forEach((_, i) => {
    const sizes = value.shape.map((d, a) => (a === axis ? 1 : d));
    cut(call, value, { starts: value.shape.map((_d, a) => (a === axis ? i : 0)), sizes, steps: value.shape.map(() => 1), shape: value.shape.filter((_d, a) => a !== axis) }, i);
  });
};

const slice: Importer = (call) => {
  const value = call.input(0);
  const starts = call.integers(1, 'starts');
  const sizes = call.integers(2, 'sizes').map((s, axis) => (s === -1 ? value.shape[axis]! - starts[axis]! : s));
  cut(call, value, { starts, sizes, steps: starts.map(() => 1) });
};

const stridedSlice: Importer = (call) => {
  const value = call.input(0);
  const box = sliceBox(value.shape, {
    begin: call.integers(1, 'starts'),
    end: call.integers(2, 'ends'),
    strides: call.integers(3, 'strides'),
    beginMask: call.int(OPTION.stridedSlice.beginMask),
    endMask: call.int(OPTION.stridedSlice.endMask),
    ellipsisMask: call.int(OPTION.stridedSlice.ellipsisMask),
    newAxisMask: call.int(OPTION.stridedSlice.newAxisMask),
    shrinkAxisMask: call.int(OPTION.stridedSlice.shrinkAxisMask),
    offset: call.bool(OPTION.stridedSlice.offset),
  });
  if (!box) return call.fail(`its slice of [${value.shape.join(', ')}] is empty or names too many axes`);
  cut(call, value, box);
};

/** Values at indices along one axis; either the table or the indices are computed at run time. */
const gather: Importer = (call) => {
  const { context, origin } = call;
  const values = call.input(0);
  const indices = call.input(1);
  if (call.int(OPTION.gather.batchDims) !== 0) unsupported('gathering batch by batch', 'batch_dims = 0');
  const axis = context.axis(values, call.int(OPTION.gather.axis), origin);
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
};

export const layoutImporters: Readonly<Record<string, Importer>> = {
  RESHAPE: reshape,
  SQUEEZE: squeeze,
  EXPAND_DIMS: expandDims,
  TRANSPOSE: transpose,
  CONCATENATION: concatenation,
  PACK: pack,
  UNPACK: unpack,
  SPLIT: split,
  SPLIT_V: splitV,
  SLICE: slice,
  STRIDED_SLICE: stridedSlice,
  GATHER: gather,
};
