/** Shapes and attributes of a node, for kernels that are prepared once. */
import type { IntegerTensor } from '../src/graph/integer.js';
import type { IntegerGraph, IntegerNode } from './kernel.js';

export function tensorAt(graph: IntegerGraph, id: string): IntegerTensor {
  const tensor = graph.tensors.get(id);
  if (!tensor) throw new RangeError(`'${graph.name}' has no tensor '${id}'`);
  return tensor;
}

/** Shape of input i. */
export function inputShape(node: IntegerNode, graph: IntegerGraph, i: number): readonly number[] {
  return tensorAt(graph, node.inputs[i]!).shape;
}

export function outputShape(node: IntegerNode, graph: IntegerGraph): readonly number[] {
  return tensorAt(graph, node.outputs[0]!).shape;
}

export function integer(node: IntegerNode, name: string): number {
  const value = node.attributes[name];
  if (!Number.isInteger(value)) throw new RangeError(`node '${node.id}': attribute '${name}' is no integer`);
  return value as number;
}

export function integers(node: IntegerNode, name: string): readonly number[] {
  const value = node.attributes[name];
  if (!Array.isArray(value) || !value.every((v) => Number.isInteger(v))) throw new RangeError(`node '${node.id}': attribute '${name}' is no list of integers`);
  return value as readonly number[];
}

/** A list of lists of integers. */
export function integerRows(node: IntegerNode, name: string): readonly (readonly number[])[] {
  const value = node.attributes[name];
  const isRow = (row: unknown): boolean => Array.isArray(row) && row.every((v) => Number.isInteger(v));
  if (!Array.isArray(value) || !value.every(isRow)) throw new RangeError(`node '${node.id}': attribute '${name}' is no list of lists of integers`);
  return value as unknown as readonly (readonly number[])[];
}

export function count(shape: readonly number[]): number {
  return shape.reduce((n, d) => n * d, 1);
}

/** A negative axis counts from the end. */
export function axisOf(node: IntegerNode, rank: number): number {
  const axis = integer(node, 'axis');
  return axis < 0 ? axis + rank : axis;
}

/** Elements between neighbours on every axis of a row-major array. */
export function rowMajor(shape: readonly number[]): readonly number[] {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
}

/**
 * Sums of one offset a position over all axes, row-major: `offsets[axis][position]`. What slicing, transposing,
 * broadcasting, padding and gathering have in common is such a list of source indices.
 */
export function sourceIndices(offsets: readonly (readonly number[])[]): Int32Array {
  let indices = Int32Array.of(0);
  for (const axis of offsets) {
    const next = new Int32Array(indices.length * axis.length);
    let k = 0;
    for (const index of indices) for (const offset of axis) next[k++] = index + offset;
    indices = next;
  }
  return indices;
}

/** 0, step, 2·step, … */
export function steps(length: number, step: number, start = 0): readonly number[] {
  return Array.from({ length }, (_, i) => start + i * step);
}

/** Source indices of an operand that is broadcast (NumPy) to `shape`. */
export function broadcastIndices(operand: readonly number[], shape: readonly number[]): Int32Array {
  const strides = rowMajor(operand);
  const missing = shape.length - operand.length;
  return sourceIndices(shape.map((d, i) => steps(d, i < missing || operand[i - missing] === 1 ? 0 : strides[i - missing]!)));
}
