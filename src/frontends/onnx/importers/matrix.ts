/** Gemm and MatMul: `dense` where one operand is a constant matrix, else `matmul`. */
import { elementCount, type TensorId } from '../../../graph/float.js';
import { broadcastShapes, permuteConstant, reshapeConstant, type ConstantArray } from '../../constant-array.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, ImporterTable, OnnxCall } from '../call.js';
import { broadcastConstant } from '../fold-elementwise.js';

/** The constant times a factor; stored codes keep, their scales take the factor. */
function scaled(constant: ConstantArray, factor: number): ConstantArray {
  if (factor === 1) return constant;
  const q = constant.quantization;
  return {
    ...constant,
    data: Float32Array.from(constant.data, (v) => v * factor),
    ...(q && { quantization: { ...q, scale: q.scale.map((s) => s * factor) } }),
  };
}

/** Axis order of a value, batch axis included; no node where nothing moves. */
export function transposeValue(call: OnnxCall, value: SourceValue, permutation: readonly number[], name?: string): SourceValue {
  const { context, origin } = call;
  if (value.constant) return context.constant(value.name, permuteConstant(value.constant, permutation));
  const batchAxis = value.batchAxis === null ? null : permutation.indexOf(value.batchAxis);
  const perSample = permutation.filter((axis) => axis !== value.batchAxis).map((axis) => context.sampleAxis(axis, value.batchAxis));
  return context.activation(name ?? value.name, context.transpose(value.tensor!, perSample, origin, name), batchAxis);
}

const gemm: Importer = (call) => {
  const a = transposeIf(call, call.activation(0), call.int('transA', 0) !== 0);
  const b = call.activation(1);
  const transB = call.int('transB', 0) !== 0;
  const alpha = call.float('alpha', 1);
  if (a.shape.length !== 2 || b.shape.length !== 2) call.fail(`multiplies [${a.shape.join(', ')}] by [${b.shape.join(', ')}]; both must have two axes`);
  if (b.constant && !a.constant) return denseGemm(call, a, scaled(transB ? b.constant : permuteConstant(b.constant, [1, 0]), alpha));
  if (alpha !== 1) unsupported('alpha with two activations', 'alpha = 1, or a constant second matrix');
  const product = multiply(call, a, transposeIf(call, b, transB), call.has(2) ? undefined : call.outputName);
  call.define(call.has(2) ? addMatrix(call, product) : product);
};

function transposeIf(call: OnnxCall, value: SourceValue, yes: boolean): SourceValue {
  return yes ? transposeValue(call, value, [1, 0]) : value;
}

/** `weights` is [O, K]. */
function denseGemm(call: OnnxCall, a: SourceValue, weights: ConstantArray): void {
  const { context, origin } = call;
  checkInner(call, a.shape[1], weights.shape[1]);
  const outputs = weights.shape[0];
  const x = a.batchAxis === 1 ? context.unbatched(a, origin) : a;
  const bias = call.has(2) ? gemmBias(call, outputs) : null;
  const tensor = context.tensor(x, origin);
  const inputs = [tensor, context.constantTensor(call.input(1), weights, origin), ...(bias ? [context.constantTensor(call.input(2), bias, origin)] : [])];
  const complete = bias !== null || !call.has(2);
  const result = context.activation(call.outputName, call.emit('dense', inputs, { activation: null }, complete ? call.outputName : undefined), x.batchAxis);
  call.define(complete ? result : addMatrix(call, result));
}

/** C as one bias an output; null where it varies by row or is computed at run time. */
function gemmBias(call: OnnxCall, outputs: number): ConstantArray | null {
  const c = call.input(2).constant;
  if (!c || elementCount(c.shape.slice(0, -1)) !== 1) return null;
  const row = reshapeConstant(c, [elementCount(c.shape)]);
  const bias = scaled(row, call.float('beta', 1));
  return bias.shape[0] === outputs ? bias : broadcastConstant(bias, [outputs]);
}

function addMatrix(call: OnnxCall, product: SourceValue): SourceValue {
  const beta = call.float('beta', 1);
  const c = call.activation(2);
  if (beta !== 1 && !c.constant) unsupported('beta with a matrix computed at run time', 'beta = 1');
  const term = c.constant ? call.context.constant(c.name, scaled(c.constant, beta)) : c;
  const { tensors, batchAxis } = call.context.broadcast([product, term], call.origin);
  return call.context.activation(call.outputName, call.emit('add', tensors, { activation: null }), batchAxis);
}

function checkInner(call: OnnxCall, left: number, right: number): void {
  if (left !== right) call.fail(`multiplies ${left} columns by ${right} rows`);
}

const matMul: Importer = (call) => {
  call.define(multiply(call, call.activation(0), call.activation(1), call.outputName));
};

function multiply(call: OnnxCall, a: SourceValue, b: SourceValue, name: string | undefined): SourceValue {
  checkInner(call, a.shape[a.shape.length - 1] ?? 0, b.shape[Math.max(0, b.shape.length - 2)] ?? 0);
  const right = matrixConstant(b);
  if (right && !a.constant) return denseRight(call, a, b, right, name);
  if (a.constant && a.shape.length === 2 && b.shape.length >= 2) return denseLeft(call, a, b, name);
  return multiplyActivations(call, a, b, name);
}

/** A constant [K, N] or [K] (leading axes of length 1 left out); null for anything else. */
function matrixConstant(value: SourceValue): ConstantArray | null {
  if (!value.constant) return null;
  const shape = value.shape.length > 2 && elementCount(value.shape.slice(0, -2)) === 1 ? value.shape.slice(-2) : value.shape;
  return shape.length <= 2 ? reshapeConstant(value.constant, shape) : null;
}

/** x·W with constant W: a dense layer over the last axis. */
function denseRight(call: OnnxCall, a: SourceValue, b: SourceValue, matrix: ConstantArray, name: string | undefined): SourceValue {
  const { context, origin } = call;
  const x = a.batchAxis === a.shape.length - 1 ? context.unbatched(a, origin) : a;
  const vector = matrix.shape.length === 1;
  const weights = vector ? reshapeConstant(matrix, [1, matrix.shape[0]]) : permuteConstant(matrix, [1, 0]);
  const inputs = [context.tensor(x, origin), context.constantTensor(b, weights, origin)];
  const product = context.emit('dense', inputs, { activation: null }, origin, vector ? undefined : name);
  const tensor = vector ? context.reshape(product, context.shapeOf(product).slice(0, -1), origin, name) : product;
  const result = context.activation(name ?? a.name, tensor, x.batchAxis);
  return b.shape.length > Math.max(2, a.shape.length) ? leadingOnes(call, result, b.shape.length - a.shape.length) : result;
}

/** Axes of length 1 in front, which only the shape of the other operand asked for. */
function leadingOnes(call: OnnxCall, value: SourceValue, count: number): SourceValue {
  const whole = call.context.unbatched(value, call.origin);
  const tensor = call.context.reshape(whole.tensor!, [...new Array<number>(count).fill(1), ...whole.shape], call.origin);
  return call.context.activation(value.name, tensor, null);
}

/** W·x with constant W = (xᵀ·Wᵀ)ᵀ: a dense layer between two transposes. */
function denseLeft(call: OnnxCall, a: SourceValue, b: SourceValue, name: string | undefined): SourceValue {
  const rank = b.shape.length;
  const swap = [...Array(rank - 2).keys(), rank - 1, rank - 2];
  const turned = transposeValue(call, b, swap);
  const x = turned.batchAxis === rank - 1 ? call.context.unbatched(turned, call.origin) : turned;
  const inputs = [call.context.tensor(x, call.origin), call.context.constantTensor(a, a.constant!, call.origin)];
  const product = call.context.emit('dense', inputs, { activation: null }, call.origin);
  return transposeValue(call, call.context.activation(b.name, product, x.batchAxis), swap, name);
}

function multiplyActivations(call: OnnxCall, a: SourceValue, b: SourceValue, name: string | undefined): SourceValue {
  const { context, origin } = call;
  if (a.shape.length < 2 || b.shape.length < 2) unsupported('a vector computed at run time as an operand', 'matrices with at least two axes');
  const leading = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)]) ?? call.fail(`cannot broadcast [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`);
  const rank = leading.length + 2;
  const candidates = [a, b].flatMap((v) => (v.batchAxis === null ? [] : [v.batchAxis + rank - v.shape.length]));
  const batchAxis = candidates.find((axis) => axis < rank - 2 && leading[axis] === context.batchSize) ?? null;
  const operands: TensorId[] = [a, b].map((value) => {
    const own = batchAxis === null ? -1 : batchAxis - (rank - value.shape.length);
    return context.perSample(value, own >= 0 ? own : null, origin);
  });
  const tensor = context.emit('matmul', operands, { transposeA: false, transposeB: false }, origin, name);
  return context.activation(name ?? a.name, tensor, batchAxis);
}

export const matrix: ImporterTable = { Gemm: gemm, MatMul: matMul };
