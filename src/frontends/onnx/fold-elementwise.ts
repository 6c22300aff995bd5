/** Element-wise operators on constants. Integers stay integers; division of integers truncates as in ONNX. */
import { broadcastShapes, stridesOf, type ConstantArray } from '../constant-array.js';
import type { OnnxCall } from './call.js';
import { elementCount } from '../../graph/float.js';

export type Folder = (call: OnnxCall, inputs: readonly ConstantArray[]) => readonly ConstantArray[] | null;

type Unary = (x: number, call: OnnxCall) => number;
type Binary = (a: number, b: number) => number;

const UNARY: Readonly<Record<string, Unary>> = {
  Abs: Math.abs,
  Neg: (x) => -x,
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Log: Math.log,
  Floor: Math.floor,
  Ceil: Math.ceil,
  Round: roundHalfToEven,
  Reciprocal: (x) => 1 / x,
  Sign: Math.sign,
  Sin: Math.sin,
  Cos: Math.cos,
  Tanh: Math.tanh,
  Sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  Relu: (x) => Math.max(0, x),
};

const BINARY: Readonly<Record<string, Binary>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Pow: (a, b) => a ** b,
  Min: (a, b) => Math.min(a, b),
  Max: (a, b) => Math.max(a, b),
};

const COMPARISONS: Readonly<Record<string, Binary>> = {
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  LessOrEqual: (a, b) => Number(a <= b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
  Xor: (a, b) => Number((a !== 0) !== (b !== 0)),
};

export function roundHalfToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** An array of the same kind (real or integer) as `like`. */
export function emptyLike(like: ConstantArray, length: number): Float32Array | Int32Array {
  return like.data instanceof Float32Array ? new Float32Array(length) : new Int32Array(length);
}

/** For each element of `shape`, the flat index of the element of `source` that broadcasts to it. */
export function broadcastIndices(source: readonly number[], shape: readonly number[]): Int32Array {
  const offset = shape.length - source.length;
  const strides = stridesOf(source);
  const steps = shape.map((_, i) => (i < offset || source[i - offset] === 1 ? 0 : strides[i - offset]));
  const target = stridesOf(shape);
  const indices = new Int32Array(elementCount(shape));
  for (let i = 0; i < indices.length; i++) {
    let index = 0;
    for (let axis = 0; axis < shape.length; axis++) index += (Math.floor(i / target[axis]) % shape[axis]) * steps[axis];
    indices[i] = index;
  }
  return indices;
}

export function broadcastConstant(source: ConstantArray, shape: readonly number[]): ConstantArray {
  const indices = broadcastIndices(source.shape, shape);
  const data = emptyLike(source, indices.length);
  for (let i = 0; i < data.length; i++) data[i] = source.data[indices[i]];
  return { shape, data, ...(source.elementType && { elementType: source.elementType }) };
}

function foldUnary(operation: Unary): Folder {
  return (call, [x]) => {
    const data = emptyLike(x, x.data.length);
    for (let i = 0; i < data.length; i++) data[i] = operation(x.data[i], call);
    return [{ shape: x.shape, data, elementType: x.elementType }];
  };
}

function combine(operation: Binary, a: ConstantArray, b: ConstantArray, comparison: boolean, call: OnnxCall): ConstantArray {
  const shape = broadcastShapes([a.shape, b.shape]);
  if (!shape) return call.fail(`shapes [${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not broadcast`);
  const left = broadcastIndices(a.shape, shape);
  const right = broadcastIndices(b.shape, shape);
  const data = comparison ? new Int32Array(left.length) : emptyLike(a, left.length);
  for (let i = 0; i < data.length; i++) data[i] = operation(a.data[left[i]], b.data[right[i]]);
  return { shape, data, elementType: comparison ? 'bool' : a.elementType };
}

function foldBinary(operation: Binary, comparison = false): Folder {
  return (call, inputs) => [inputs.slice(1).reduce((a, b) => combine(operation, a, b, comparison, call), inputs[0]!)];
}

/** Integer division truncates; real division does not. */
const divide: Folder = (call, [a, b]) => {
  const real = a.data instanceof Float32Array;
  if (!real && b.data.includes(0)) return call.fail('divides an integer by zero');
  return [combine(real ? (x, y) => x / y : (x, y) => Math.trunc(x / y), a, b, false, call)];
};

/** The sign of the divisor, or with fmod that of the dividend. */
const modulo: Folder = (call, [a, b]) => {
  const remainder: Binary = call.int('fmod', 0) !== 0 ? (x, y) => x % y : (x, y) => x - y * Math.floor(x / y);
  return [combine(remainder, a, b, false, call)];
};

const not: Folder = (_, [x]) => [{ shape: x.shape, data: Int32Array.from(x.data, (v) => Number(v === 0)), elementType: 'bool' }];

const where: Folder = (call, [condition, a, b]) => {
  const shape = broadcastShapes([condition.shape, a.shape, b.shape]) ?? call.fail('shapes do not broadcast');
  const [c, x, y] = [condition, a, b].map((value) => broadcastConstant(value, shape).data);
  const data = emptyLike(a, c!.length);
  for (let i = 0; i < data.length; i++) data[i] = c![i] ? x![i] : y![i];
  return [{ shape, data, elementType: a.elementType }];
};

export const foldElementwise: Readonly<Record<string, Folder>> = {
  ...Object.fromEntries(Object.entries(UNARY).map(([name, operation]) => [name, foldUnary(operation)])),
  ...Object.fromEntries(Object.entries(BINARY).map(([name, operation]) => [name, foldBinary(operation)])),
  ...Object.fromEntries(Object.entries(COMPARISONS).map(([name, operation]) => [name, foldBinary(operation, true)])),
  Div: divide,
  Mod: modulo,
  Not: not,
  Where: where,
};
