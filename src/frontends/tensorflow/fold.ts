/** Integer arithmetic on shapes, done while importing: SHAPE of a known tensor, and what is computed from constants alone. */
import { elementCount } from '../../graph/float.js';
import { broadcastShapes, stridesOf, type ConstantArray } from '../constant-array.js';
import type { TensorflowCall } from './call.js';

/** The sub-box of a constant. Only its values: what is cut out of quantized weights is quantized anew. */
export function sliceConstant(constant: ConstantArray, starts: readonly number[], sizes: readonly number[], steps: readonly number[]): ConstantArray {
  const strides = stridesOf(constant.shape);
  const inner = stridesOf(sizes);
  const data = new (constant.data.constructor as new (n: number) => Float32Array | Int32Array)(elementCount(sizes));
  for (let i = 0; i < data.length; i++) {
    let from = 0;
    sizes.forEach((size, axis) => {
      from += (starts[axis]! + (Math.floor(i / inner[axis]!) % size) * steps[axis]!) * strides[axis]!;
    });
    data[i] = constant.data[from]!;
  }
  return { shape: sizes, data };
}

function binary(apply: (a: number, b: number) => number): (call: TensorflowCall) => ConstantArray {
  return (call) => {
    const [a, b] = [call.input(0).constant!, call.input(1).constant!];
    const shape = broadcastShapes([a.shape, b.shape]) ?? call.fail('shapes do not broadcast');
    const pick = (c: ConstantArray, i: number): number => {
      const strides = stridesOf(c.shape);
      const outer = stridesOf(shape);
      const offset = shape.length - c.shape.length;
      let at = 0;
      c.shape.forEach((d, axis) => {
        at += (d === 1 ? 0 : Math.floor(i / outer[axis + offset]!) % d) * strides[axis]!;
      });
      return c.data[at]!;
    };
    return { shape, data: Int32Array.from({ length: elementCount(shape) }, (_, i) => apply(pick(a, i), pick(b, i))) };
  };
}

function joined(call: TensorflowCall): ConstantArray {
  const parts = call.inputs.map((_, i) => call.input(i).constant!);
  const data = Int32Array.from(parts.flatMap((p) => Array.from(p.data)));
  return { shape: [data.length], data };
}

/** Over all elements; the result is a scalar. */
function product(call: TensorflowCall): ConstantArray {
  return { shape: [], data: Int32Array.of(Array.from(call.input(0).constant!.data).reduce((a, b) => a * b, 1)) };
}

function gathered(call: TensorflowCall): ConstantArray {
  const values = call.input(0).constant!.data;
  const indices = call.input(1).constant!;
  return { shape: indices.shape, data: Int32Array.from(indices.data, (i) => values[i]!) };
}

const FOLDED: Readonly<Record<string, (call: TensorflowCall) => ConstantArray>> = {
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  floorDiv: binary((a, b) => Math.floor(a / b)),
  div: binary((a, b) => Math.trunc(a / b)),
  maximum: binary(Math.max),
  minimum: binary(Math.min),
  join: joined,
  product,
  gather: gathered,
};

/** Operator names of both kinds of files. */
const MEANING: Readonly<Record<string, keyof typeof FOLDED>> = {
  ADD: 'add', Add: 'add', AddV2: 'add', SUB: 'sub', Sub: 'sub', MUL: 'mul', Mul: 'mul', FLOOR_DIV: 'floorDiv', FloorDiv: 'floorDiv',
  DIV: 'div', RealDiv: 'div', MAXIMUM: 'maximum', Maximum: 'maximum', MINIMUM: 'minimum', Minimum: 'minimum',
  PACK: 'join', Pack: 'join', CONCATENATION: 'join', REDUCE_PROD: 'product', Prod: 'product', GATHER: 'gather',
};

/** Does the operator now and says true, where it is integer arithmetic on constants of at most one axis. */
export function foldShapes(call: TensorflowCall): boolean {
  const fold = FOLDED[MEANING[call.origin.opType] ?? ''];
  if (!fold || call.inputs.length === 0) return false;
  if (!call.inputs.every((v) => v?.constant?.data instanceof Int32Array && v.shape.length <= 1)) return false;
  call.defineConstant(fold(call));
  return true;
}

/** The source shape of input 0 as a constant. */
export function shapeOf(call: TensorflowCall): void {
  const { shape } = call.input(0);
  call.defineConstant({ shape: [shape.length], data: Int32Array.from(shape) });
}
