/** Data-moving and shape operators on constants, so that shape chains end as numbers. */
import { elementCount } from '../../graph/float.js';
import { broadcastShapes, permuteConstant, reshapeConstant, stridesOf, type ConstantArray } from '../constant-array.js';
import { flattenTarget, insertAxes, normalAxis, permutationOf, reshapeTarget, sliceRanges, splitSizes, squeezedAxes, unsqueezedAxes, type SliceRange } from './axes.js';
import type { OnnxCall } from './call.js';
import { broadcastConstant, emptyLike, type Folder } from './fold-elementwise.js';
import { elementTypeName, isFloatType } from './tensor-data.js';

/** Picks a regular grid of elements. */
export function sliceConstant(x: ConstantArray, ranges: readonly SliceRange[]): ConstantArray {
  const shape = ranges.map((r) => r.size);
  const strides = stridesOf(x.shape);
  const target = stridesOf(shape);
  const data = emptyLike(x, elementCount(shape));
  for (let i = 0; i < data.length; i++) {
    let source = 0;
    for (let axis = 0; axis < shape.length; axis++) {
      source += (ranges[axis].start + (Math.floor(i / target[axis]) % shape[axis]) * ranges[axis].step) * strides[axis];
    }
    data[i] = x.data[source];
  }
  return { shape, data, elementType: x.elementType };
}

export function gatherConstant(call: OnnxCall, x: ConstantArray, indices: ConstantArray, axis: number): ConstantArray {
  const outer = elementCount(x.shape.slice(0, axis));
  const inner = elementCount(x.shape.slice(axis + 1));
  const length = x.shape[axis];
  const data = emptyLike(x, outer * indices.data.length * inner);
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const given of indices.data) {
      const index = given < 0 ? given + length : given;
      if (index < 0 || index >= length) call.fail(`index ${given} is outside an axis of length ${length}`);
      for (let i = 0; i < inner; i++) data[at++] = x.data[(o * length + index) * inner + i];
    }
  }
  return { shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)], data, elementType: x.elementType };
}

function concatConstants(call: OnnxCall, inputs: readonly ConstantArray[]): ConstantArray {
  const first = inputs[0]!;
  const axis = normalAxis(call, call.int('axis', 1), first.shape.length);
  const total = inputs.reduce((sum, x) => sum + x.shape[axis], 0);
  const shape = first.shape.map((d, i) => (i === axis ? total : d));
  const data = emptyLike(first, elementCount(shape));
  const outer = elementCount(shape.slice(0, axis));
  let at = 0;
  for (let o = 0; o < outer; o++) {
    for (const x of inputs) {
      const block = elementCount(x.shape.slice(axis));
      for (let i = 0; i < block; i++) data[at++] = x.data[o * block + i];
    }
  }
  return { shape, data, elementType: first.elementType };
}

function range(call: OnnxCall, [start, limit, delta]: readonly ConstantArray[]): ConstantArray {
  const step = delta.data[0]!;
  const count = Math.max(0, Math.ceil((limit.data[0]! - start.data[0]!) / step));
  if (!Number.isFinite(count) || count > 1e8) call.fail('is a range without end');
  const data = emptyLike(start, count);
  for (let i = 0; i < count; i++) data[i] = start.data[0]! + i * step;
  return { shape: [count], data, elementType: start.elementType };
}

function cast(call: OnnxCall, x: ConstantArray): ConstantArray {
  const code = call.int('to', 1);
  const name = elementTypeName(code);
  const { quantization: _, ...plain } = x;
  if (isFloatType(code)) return { ...plain, data: Float32Array.from(x.data), elementType: name };
  const convert = name === 'bool' ? (v: number): number => Number(v !== 0) : Math.trunc;
  return { ...plain, data: Int32Array.from(x.data, convert), elementType: name };
}

/** `before` maps every element, `after` the result of `count` of them. */
function reduceConstant(combine: (a: number, b: number) => number, before = (v: number): number => v, after = (v: number, _count: number): number => v): Folder {
  return (call, [x]) => {
    const given = call.integersFrom('axes', 1, 'axes');
    const axes = new Set((given?.length ? given : x.shape.map((_, i) => i)).map((a) => normalAxis(call, a, x.shape.length)));
    const keep = call.int('keepdims', 1) !== 0;
    const kept = permuteConstant(x, [...x.shape.keys()].sort((a, b) => Number(axes.has(a)) - Number(axes.has(b)) || a - b));
    const block = elementCount(x.shape.filter((_, i) => axes.has(i)));
    const data = emptyLike(x, x.data.length / block);
    for (let i = 0; i < data.length; i++) {
      let result = before(kept.data[i * block]);
      for (let j = 1; j < block; j++) result = combine(result, before(kept.data[i * block + j]));
      data[i] = after(result, block);
    }
    const shape = x.shape.flatMap((d, i) => (axes.has(i) ? (keep ? [1] : []) : [d]));
    return [{ shape, data, elementType: x.elementType }];
  };
}

const plus = (a: number, b: number): number => a + b;

function tile(call: OnnxCall, x: ConstantArray): ConstantArray {
  const repeats = call.integers(1, 'repeats');
  const apart = { ...x, shape: x.shape.flatMap((d) => [1, d]) };
  const spread = broadcastConstant(apart, x.shape.flatMap((d, i) => [repeats[i], d]));
  return { ...spread, shape: x.shape.map((d, i) => d * repeats[i]) };
}

function constantOfShape(call: OnnxCall, shape: ConstantArray): ConstantArray {
  const value = call.tensorAttribute('value') ?? { shape: [1], data: new Float32Array(1), elementType: 'float32' };
  return broadcastConstant({ ...value, shape: [] }, [...shape.data]);
}

function splitConstant(call: OnnxCall, x: ConstantArray): readonly ConstantArray[] {
  const axis = normalAxis(call, call.int('axis', 0), x.shape.length);
  let start = 0;
  return splitSizes(call, x.shape[axis]).map((size) => {
    const part = sliceConstant(x, x.shape.map((d, i) => (i === axis ? { start, size, step: 1 } : { start: 0, size: d, step: 1 })));
    start += size;
    return part;
  });
}

/** Dropout of a network that still trains is random. */
export function isTraining(call: OnnxCall): boolean {
  return call.has(2) && call.constant(2, 'the training flag').data[0] !== 0 && call.scalar(1, 'the ratio', 0.5) !== 0;
}

export const foldMovement: Readonly<Record<string, Folder>> = {
  Identity: (_, [x]) => [x],
  Dropout: (call, [x]) => (isTraining(call) ? null : [x]),
  Cast: (call, [x]) => [cast(call, x)],
  Shape: (_, [x]) => [{ shape: [x.shape.length], data: Int32Array.from(x.shape), elementType: 'int64' }],
  Size: (_, [x]) => [{ shape: [], data: Int32Array.of(elementCount(x.shape)), elementType: 'int64' }],
  Reshape: (call, [x, target]) => [reshapeConstant(x, reshapeTarget(call, x.shape, [...target.data]))],
  Flatten: (call, [x]) => [reshapeConstant(x, flattenTarget(call, x.shape))],
  Squeeze: (call, [x]) => {
    const axes = squeezedAxes(call, x.shape);
    return [reshapeConstant(x, x.shape.filter((_, i) => !axes.includes(i)))];
  },
  Unsqueeze: (call, [x]) => [reshapeConstant(x, insertAxes(x.shape, unsqueezedAxes(call, x.shape.length)))],
  Transpose: (call, [x]) => [permuteConstant(x, permutationOf(call, x.shape.length))],
  Slice: (call, [x]) => [sliceConstant(x, sliceRanges(call, x.shape))],
  Gather: (call, [x, indices]) => [gatherConstant(call, x, indices, normalAxis(call, call.int('axis', 0), x.shape.length))],
  Concat: (call, inputs) => [concatConstants(call, inputs)],
  Split: (call, [x]) => splitConstant(call, x),
  Range: (call, inputs) => [range(call, inputs)],
  Expand: (call, [x, target]) => {
    const shape = broadcastShapes([x.shape, [...target.data]]) ?? call.fail('shapes do not broadcast');
    return [broadcastConstant(x, shape)];
  },
  Tile: (call, [x]) => [tile(call, x)],
  ConstantOfShape: (call, [shape]) => [constantOfShape(call, shape)],
  ReduceProd: reduceConstant((a, b) => a * b),
  ReduceSum: reduceConstant(plus),
  ReduceMean: reduceConstant(plus, undefined, (sum, count) => sum / count),
  ReduceL1: reduceConstant(plus, Math.abs),
  ReduceL2: reduceConstant(plus, (v) => v * v, Math.sqrt),
  ReduceSumSquare: reduceConstant(plus, (v) => v * v),
  ReduceMax: reduceConstant((a, b) => Math.max(a, b)),
  ReduceMin: reduceConstant((a, b) => Math.min(a, b)),
};
