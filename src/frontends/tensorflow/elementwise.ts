/** TensorFlow's arithmetic of two tensors, functions of one, clamps and softmax, for both kinds of files. */
import type { Attributes } from '../../graph/float.js';
import { unsupported } from '../import-context.js';
import type { ActivationAttribute, TensorflowCall } from './call.js';

export function binary(call: TensorflowCall, op: 'add' | 'sub' | 'mul' | 'div', activation: ActivationAttribute = null): void {
  if (op === 'div' && !call.input(1).constant) unsupported('division by a computed value', 'division by a constant');
  const { tensors, batchAxis } = call.context.broadcast([call.input(0), call.input(1)], call.origin);
  call.define(call.emitLast(op, tensors, { activation }), batchAxis);
}

export function squaredDifference(call: TensorflowCall): void {
  call.requireFloat('a difference and a product with scales of their own');
  const { tensors, batchAxis } = call.context.broadcast([call.input(0), call.input(1)], call.origin);
  const difference = call.emitMiddle('sub', tensors, { activation: null });
  call.define(call.emitLast('unary', [difference], { function: 'square', alpha: 0, beta: 0 }), batchAxis);
}

function elementwise(call: TensorflowCall, op: string, attributes: Attributes): void {
  const value = call.input(0);
  call.define(call.emitLast(op, [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
}

export function unary(call: TensorflowCall, name: string, alpha = 0, beta = 0): void {
  elementwise(call, 'unary', { function: name, alpha, beta });
}

export function clamp(call: TensorflowCall, min: number, max: number): void {
  elementwise(call, 'clamp', { min, max });
}

/** Maximum (`min`: the other operand is the lower bound) and minimum with a constant scalar are clamps. */
export function bound(call: TensorflowCall, side: 'min' | 'max'): void {
  const at = call.input(1).constant ? 1 : 0;
  const scalar = call.input(at).constant;
  if (!scalar || scalar.data.length !== 1) return unsupported('element-wise extreme of two tensors', 'a constant scalar as one operand');
  const value = call.input(1 - at);
  const limit = scalar.data[0]!;
  const attributes = side === 'min' ? { min: limit, max: Infinity } : { min: -Infinity, max: limit };
  call.define(call.emitLast('clamp', [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
}

export function rsqrt(call: TensorflowCall): void {
  call.requireFloat('its parts with scales of their own');
  const value = call.input(0);
  const root = call.emitMiddle('unary', [call.context.tensor(value, call.origin)], { function: 'sqrt', alpha: 0, beta: 0 });
  call.define(call.emitLast('unary', [root], { function: 'reciprocal', alpha: 0, beta: 0 }), value.batchAxis);
}

/** Along the last axis. */
export function softmax(call: TensorflowCall, beta: number): void {
  const value = call.input(0);
  const last = value.shape.length - 1;
  const batchAxis = last === value.batchAxis ? null : value.batchAxis;
  const tensor = call.context.perSample(value, batchAxis, call.origin);
  call.define(call.emitLast('softmax', [tensor], { axis: call.context.shapeOf(tensor).length - 1, beta }), batchAxis);
}

/** The value stays; the result's scale, if it has one, is stated. */
export function identity(call: TensorflowCall): void {
  const value = call.input(0);
  if (value.constant) call.defineConstant(value.constant);
  else call.define(value.tensor!, value.batchAxis);
}

export function cast(call: TensorflowCall, type: string): void {
  const value = call.input(0);
  const target = type === 'int64' ? 'int32' : type;
  if (value.constant) {
    const { data, shape } = value.constant;
    call.defineConstant({ shape, data: target === 'float32' ? Float32Array.from(data) : Int32Array.from(data) });
    return;
  }
  if (value.type !== target) unsupported(`a cast from ${value.type} to ${target} at run time`, 'values of one type from input to output');
  call.define(value.tensor!, value.batchAxis);
}
