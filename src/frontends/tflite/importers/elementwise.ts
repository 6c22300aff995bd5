import { binary, bound, cast, clamp, identity, rsqrt, softmax, squaredDifference, unary } from '../../tensorflow/elementwise.js';
import type { Importer } from '../call.js';
import { OPTION } from '../schema.js';

export const elementwiseImporters: Readonly<Record<string, Importer>> = {
  ADD: (call) => binary(call, 'add', call.activation(OPTION.binary.activation)),
  SUB: (call) => binary(call, 'sub', call.activation(OPTION.binary.activation)),
  MUL: (call) => binary(call, 'mul', call.activation(OPTION.binary.activation)),
  DIV: (call) => binary(call, 'div', call.activation(OPTION.binary.activation)),
  SQUARED_DIFFERENCE: squaredDifference,
  RELU: (call) => clamp(call, 0, Infinity),
  RELU6: (call) => clamp(call, 0, 6),
  RELU_N1_TO_1: (call) => clamp(call, -1, 1),
  RELU_0_TO_1: (call) => clamp(call, 0, 1),
  MAXIMUM: (call) => bound(call, 'min'),
  MINIMUM: (call) => bound(call, 'max'),
  LEAKY_RELU: (call) => unary(call, 'leaky-relu', call.float(OPTION.leakyRelu.alpha)),
  ELU: (call) => unary(call, 'elu', 1),
  HARD_SWISH: (call) => unary(call, 'hard-swish'),
  GELU: (call) => unary(call, call.bool(OPTION.gelu.approximate) ? 'gelu-tanh' : 'gelu'),
  LOGISTIC: (call) => unary(call, 'sigmoid'),
  TANH: (call) => unary(call, 'tanh'),
  ABS: (call) => unary(call, 'abs'),
  EXP: (call) => unary(call, 'exp'),
  LOG: (call) => unary(call, 'log'),
  SQRT: (call) => unary(call, 'sqrt'),
  SQUARE: (call) => unary(call, 'square'),
  NEG: (call) => unary(call, 'neg'),
  RSQRT: rsqrt,
  SOFTMAX: (call) => softmax(call, call.float(OPTION.softmax.beta, 1)),
  QUANTIZE: identity,
  DEQUANTIZE: identity,
  CAST: (call) => cast(call, call.outputs[0]!.type),
};
