/** Arithmetic of two tensors, functions of one, clamps, softmax, and the two operators that only name a type. */
import type { Attributes } from '../../../graph/float.js';
import { unsupported } from '../../import-context.js';
import type { Importer, OperatorCall } from '../call.js';
import { OPTION } from '../schema.js';

function binary(op: 'add' | 'sub' | 'mul' | 'div'): Importer {
  return (call) => {
    if (op === 'div' && !call.input(1).constant) unsupported('division by a computed value', 'division by a constant');
    const { tensors, batchAxis } = call.context.broadcast([call.input(0), call.input(1)], call.origin);
    call.define(call.emitLast(op, tensors, { activation: call.activationAttribute(OPTION.binary.activation) }), batchAxis);
  };
}

const squaredDifference: Importer = (call) => {
  call.requireFloat('SUB and MUL with scales of their own');
  const { tensors, batchAxis } = call.context.broadcast([call.input(0), call.input(1)], call.origin);
  const difference = call.emitMiddle('sub', tensors, { activation: null });
  call.define(call.emitLast('unary', [difference], { function: 'square', alpha: 0, beta: 0 }), batchAxis);
};

function elementwise(op: string, attributesOf: (call: OperatorCall) => Attributes): Importer {
  return (call) => {
    const value = call.input(0);
    const result = call.emitLast(op, [call.context.tensor(value, call.origin)], attributesOf(call));
    call.define(result, value.batchAxis);
  };
}

function unary(name: string, alpha: number | ((call: OperatorCall) => number) = 0): Importer {
  return elementwise('unary', (call) => ({ function: name, alpha: typeof alpha === 'number' ? alpha : alpha(call), beta: 0 }));
}

function clamp(min: number, max: number): Importer {
  return elementwise('clamp', () => ({ min, max }));
}

/** MAXIMUM and MINIMUM with a constant scalar are clamps. */
function bound(side: 'min' | 'max'): Importer {
  return (call) => {
    const at = call.input(1).constant ? 1 : 0;
    const scalar = call.input(at).constant;
    if (!scalar || scalar.data.length !== 1) unsupported('element-wise extreme of two tensors', 'a constant scalar as one operand');
    const value = call.input(1 - at);
    const attributes = side === 'min' ? { min: scalar!.data[0]!, max: Infinity } : { min: -Infinity, max: scalar!.data[0]! };
    call.define(call.emitLast('clamp', [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
  };
}

const rsqrt: Importer = (call) => {
  call.requireFloat('no quantized form yet');
  const value = call.input(0);
  const root = call.emitMiddle('unary', [call.context.tensor(value, call.origin)], { function: 'sqrt', alpha: 0, beta: 0 });
  call.define(call.emitLast('unary', [root], { function: 'reciprocal', alpha: 0, beta: 0 }), value.batchAxis);
};

/** Along the last axis. */
const softmax: Importer = (call) => {
  const value = call.input(0);
  const last = value.shape.length - 1;
  const tensor = last === value.batchAxis ? call.context.perSample(value, null, call.origin) : call.context.tensor(value, call.origin);
  const batchAxis = last === value.batchAxis ? null : value.batchAxis;
  const axis = call.context.shapeOf(tensor).length - 1;
  call.define(call.emitLast('softmax', [tensor], { axis, beta: call.float(OPTION.softmax.beta, 1) }), batchAxis);
};

/** QUANTIZE, DEQUANTIZE: the value stays; the result's scale, if it has one, is stated. */
const rename: Importer = (call) => {
  const value = call.input(0);
  if (value.constant) call.defineConstant({ ...value.constant });
  else call.define(value.tensor!, value.batchAxis);
};

const cast: Importer = (call) => {
  const value = call.input(0);
  if (value.constant) {
    const { data, shape } = value.constant;
    const toFloat = call.outputs[0]!.type === 'float32';
    call.defineConstant({ shape, data: toFloat ? Float32Array.from(data) : Int32Array.from(data) });
    return;
  }
  const type = call.outputs[0]!.type === 'int64' ? 'int32' : call.outputs[0]!.type;
  if (value.type !== type) unsupported(`a cast from ${value.type} to ${type} at run time`, 'values of one type from input to output');
  call.define(value.tensor!, value.batchAxis);
};

export const elementwiseImporters: Readonly<Record<string, Importer>> = {
  ADD: binary('add'),
  SUB: binary('sub'),
  MUL: binary('mul'),
  DIV: binary('div'),
  SQUARED_DIFFERENCE: squaredDifference,
  RELU: clamp(0, Infinity),
  RELU6: clamp(0, 6),
  RELU_N1_TO_1: clamp(-1, 1),
  RELU_0_TO_1: clamp(0, 1),
  MAXIMUM: bound('min'),
  MINIMUM: bound('max'),
  LEAKY_RELU: unary('leaky-relu', (call) => call.float(OPTION.leakyRelu.alpha)),
  ELU: unary('elu', 1),
  HARD_SWISH: unary('hard-swish'),
  GELU: (call) => unary(call.bool(OPTION.gelu.approximate) ? 'gelu-tanh' : 'gelu')(call),
  LOGISTIC: unary('sigmoid'),
  TANH: unary('tanh'),
  ABS: unary('abs'),
  EXP: unary('exp'),
  LOG: unary('log'),
  SQRT: unary('sqrt'),
  SQUARE: unary('square'),
  NEG: unary('neg'),
  RSQRT: rsqrt,
  SOFTMAX: softmax,
  QUANTIZE: rename,
  DEQUANTIZE: rename,
  CAST: cast,
};
