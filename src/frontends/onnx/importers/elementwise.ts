/** Element-wise operators of one and two operands, activations, and what only passes values on. */
import type { TensorId } from '../../../graph/float.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { isTraining } from '../fold-movement.js';
import { isFloatType } from '../tensor-data.js';

export function applyUnary(call: OnnxCall, x: TensorId, name: string, output?: string, alpha = 0, beta = 0): TensorId {
  return call.context.emit('unary', [x], { function: name, alpha, beta }, call.origin, output);
}

function unary(name: string, parameters: (call: OnnxCall) => readonly [number, number] = () => [0, 0]): Importer {
  return (call) => {
    const x = call.activation(0);
    const [alpha, beta] = parameters(call);
    call.result(applyUnary(call, call.context.tensor(x, call.origin), name, call.outputName, alpha, beta), x.batchAxis);
  };
}

function binary(op: 'add' | 'sub' | 'mul' | 'div'): Importer {
  return (call) => {
    const operands = [call.activation(0), call.activation(1)];
    const { tensors, batchAxis } = call.context.broadcast(operands, call.origin);
    call.result(call.emit(op, tensors, { activation: null }), batchAxis);
  };
}

/** Sum of any number of operands as a chain of additions. */
const sum: Importer = (call) => {
  let total = call.activation(0);
  for (let i = 1; i < call.inputCount; i++) {
    const { tensors, batchAxis } = call.context.broadcast([total, call.activation(i)], call.origin);
    const last = i === call.inputCount - 1;
    total = call.context.activation(call.outputName, call.emit('add', tensors, { activation: null }, last ? call.outputName : undefined), batchAxis);
  }
  call.define(total);
};

export function clampTo(call: OnnxCall, x: SourceValue, min: number, max: number): void {
  if (Number.isNaN(min) || Number.isNaN(max)) call.fail('has NaN as a bound');
  const tensor = call.context.tensor(x, call.origin);
  call.result(call.emit('clamp', [tensor], { min, max }), x.batchAxis);
}

const clip: Importer = (call) => {
  const attributes = call.opset < 11;
  const min = attributes ? call.float('min', -Infinity) : call.scalar(1, 'the lower bound', -Infinity);
  const max = attributes ? call.float('max', Infinity) : call.scalar(2, 'the upper bound', Infinity);
  clampTo(call, call.activation(0), openEnd(min), openEnd(max));
};

/** Exporters write "no bound" as the largest float32. */
function openEnd(bound: number): number {
  return Math.abs(bound) > 3.4028e38 ? Math.sign(bound) * Infinity : bound;
}

/** Min and Max of an activation and one constant number. */
function extremum(op: 'Min' | 'Max'): Importer {
  return (call) => {
    const values = [call.activation(0), ...(call.inputCount > 1 ? [call.activation(1)] : [])];
    const constant = values.find((v) => v.constant);
    const x = values.find((v) => !v.constant);
    if (call.inputCount !== 2 || !constant || !x || new Set(constant.constant!.data).size !== 1 || constant.shape.length > x.shape.length) {
      unsupported(`${op} of several tensors`, `${op} of one tensor and one constant number, or Clip`);
    }
    const bound = constant.constant!.data[0]!;
    clampTo(call, x, op === 'Max' ? bound : -Infinity, op === 'Min' ? bound : Infinity);
  };
}

/** Exponent → functions one after the other. */
const POWERS: Readonly<Record<string, readonly string[]>> = {
  '1': [],
  '2': ['square'],
  '0.5': ['sqrt'],
  '-1': ['reciprocal'],
  '-0.5': ['sqrt', 'reciprocal'],
  '4': ['square', 'square'],
  '-2': ['square', 'reciprocal'],
};

const pow: Importer = (call) => {
  const x = call.activation(0);
  const exponent = call.scalar(1, 'exponents', 1);
  const base = call.context.tensor(x, call.origin);
  if (exponent === 3) {
    const square = applyUnary(call, base, 'square');
    return call.result(call.emit('mul', [square, base], { activation: null }), x.batchAxis);
  }
  const functions = POWERS[String(exponent)];
  if (!functions) unsupported(`exponent ${exponent}`, `one of the exponents ${[...Object.keys(POWERS), '3'].join(', ')}`);
  if (functions.length === 0) return call.define(x);
  const result = functions.reduce((t, name, i) => applyUnary(call, t, name, i === functions.length - 1 ? call.outputName : undefined), base);
  call.result(result, x.batchAxis);
};

/** max(x, 0) + slope·min(x, 0) with constant slopes. */
const prelu: Importer = (call) => {
  const x = call.activation(0);
  const slope = call.input(1);
  const slopes = call.constant(1, 'slopes');
  if (new Set(slopes.data).size === 1) {
    return call.result(applyUnary(call, call.context.tensor(x, call.origin), 'leaky-relu', call.outputName, slopes.data[0]), x.batchAxis);
  }
  const { context, origin } = call;
  const tensor = context.tensor(x, origin);
  const positive = context.emit('clamp', [tensor], { min: 0, max: Infinity }, origin);
  const negative = context.activation(x.name, context.emit('clamp', [tensor], { min: -Infinity, max: 0 }, origin), x.batchAxis);
  const scaled = context.broadcast([negative, slope], origin);
  const product = context.emit('mul', scaled.tensors, { activation: null }, origin);
  call.result(call.emit('add', [positive, product], { activation: null }), x.batchAxis);
};

const gelu: Importer = (call) => {
  const approximate = call.text('approximate', 'none');
  if (approximate !== 'none' && approximate !== 'tanh') unsupported(`approximation '${approximate}'`, "'none' or 'tanh'");
  unary(approximate === 'tanh' ? 'gelu-tanh' : 'gelu')(call);
};

/** Microsoft's FastGelu: the tanh form, with an optional bias in front. */
const fastGelu: Importer = (call) => {
  const operands = call.inputs();
  const { tensors, batchAxis } = call.context.broadcast(operands, call.origin);
  const x = tensors.length > 1 ? call.context.emit('add', tensors, { activation: null }, call.origin) : tensors[0]!;
  call.result(applyUnary(call, x, 'gelu-tanh', call.outputName), batchAxis);
};

const cast: Importer = (call) => {
  const given = call.input(0);
  const toFloat = isFloatType(call.int('to', 1));
  // An integer input that becomes a float means its value.
  const x = given.codes && toFloat && !call.context.quantizationOf(given.tensor!) ? { ...given, codes: false } : call.activation(0);
  if (x.type === 'bool' || (x.type === 'float32') !== toFloat) {
    unsupported(`casts ${x.type} to ${toFloat ? 'a float' : 'an integer'} at run time`, 'a cast between float types or between integer types');
  }
  call.define(x);
};

/** The value itself under another name. */
const passOn: Importer = (call) => {
  call.onlyOutputs(1, 'mask');
  call.define(call.input(0));
};

const dropout: Importer = (call) => {
  if (isTraining(call)) unsupported('runs in training mode', 'inference mode');
  passOn(call);
};

export const elementwise: ImporterTable = {
  Add: binary('add'),
  Sub: binary('sub'),
  Mul: binary('mul'),
  Div: binary('div'),
  Sum: sum,
  Relu: (call) => clampTo(call, call.activation(0), 0, Infinity),
  Clip: clip,
  Min: extremum('Min'),
  Max: extremum('Max'),
  Pow: pow,
  PRelu: prelu,
  Sigmoid: unary('sigmoid'),
  Tanh: unary('tanh'),
  Erf: unary('erf'),
  Sqrt: unary('sqrt'),
  Abs: unary('abs'),
  Exp: unary('exp'),
  Log: unary('log'),
  Neg: unary('neg'),
  Reciprocal: unary('reciprocal'),
  Softplus: unary('softplus'),
  LeakyRelu: unary('leaky-relu', (call) => [call.float('alpha', 0.01), 0]),
  Elu: unary('elu', (call) => [call.float('alpha', 1), 0]),
  HardSigmoid: unary('hard-sigmoid', (call) => [call.float('alpha', 0.2), call.float('beta', 0.5)]),
  HardSwish: unary('hard-swish'),
  Gelu: gelu,
  'com.microsoft:Gelu': unary('gelu'),
  'com.microsoft:FastGelu': fastGelu,
  Cast: cast,
  Identity: passOn,
  Dropout: dropout,
};
