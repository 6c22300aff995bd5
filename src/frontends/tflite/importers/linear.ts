/** Convolutions, fully connected layers, matrix products. */
import { elementCount, type TensorId } from '../../../graph/float.js';
import { permuteConstant, reshapeConstant, type ConstantArray } from '../../constant-array.js';
import { unsupported, type SourceValue } from '../../import-context.js';
import type { Importer, OperatorCall } from '../call.js';
import { OPTION, SAME } from '../schema.js';
import { image } from '../../tensorflow/spatial.js';
import { cutOff, validOrSame, type Window } from '../../tensorflow/window.js';

/** The bias tensor, with the scale Sx·Sw that a file may leave unsaid for integer biases. */
function biasInputs(call: OperatorCall, i: number, x: TensorId, weights: ConstantArray): readonly TensorId[] {
  const value = call.optional(i);
  if (!value) return [];
  const bias = call.constant(i, 'biases');
  const stated = bias.data instanceof Float32Array ? bias : withImpliedScale(call, bias, x, weights);
  return [call.context.constantTensor(value, stated, call.origin)];
}

function withImpliedScale(call: OperatorCall, bias: ConstantArray, x: TensorId, weights: ConstantArray): ConstantArray {
  const input = call.context.quantizationOf(x);
  const scales = weights.quantization?.scale;
  if (!input || !scales) return call.fail('has an integer bias, but input or weights have no scale');
  const codes = bias.data as Int32Array;
  const scale = scales.map((s) => s * input.scale[0]!);
  const data = Float32Array.from(codes, (code, c) => code * scale[scales.length > 1 ? c : 0]!);
  return { shape: bias.shape, data, quantization: { scale, zeroPoint: scale.map(() => 0), axis: scale.length > 1 ? 0 : null, bits: 32, signed: true, codes } };
}

function window(call: OperatorCall, x: TensorId, kernel: readonly [number, number], option: typeof OPTION.conv2d | typeof OPTION.depthwiseConv2d): Window {
  return validOrSame(call.byte(option.padding) === SAME, {
    input: call.context.shapeOf(x).slice(0, 2),
    kernel,
    strides: [call.int(option.strideHeight, 1), call.int(option.strideWidth, 1)],
    dilations: [call.int(option.dilationHeight, 1), call.int(option.dilationWidth, 1)],
  });
}

function rank4(call: OperatorCall, weights: ConstantArray): readonly [number, number, number, number] {
  if (weights.shape.length !== 4) call.fail(`has weights of shape [${weights.shape.join(', ')}]`);
  return weights.shape as unknown as readonly [number, number, number, number];
}

/** Filters [O, kh, kw, C/groups]. */
const conv2d: Importer = (call) => {
  const x = image(call, call.input(0));
  const weights = call.constant(1, 'weights');
  const [, height, width, depth] = rank4(call, weights);
  const groups = call.context.shapeOf(x)[2]! / depth;
  if (!Number.isInteger(groups)) call.fail(`has filters of ${depth} channels for an input of ${call.context.shapeOf(x)[2]}`);
  const { strides, dilations, pad } = window(call, x, [height, width], OPTION.conv2d);
  const inputs = [x, call.context.constantTensor(call.input(1), weights, call.origin), ...biasInputs(call, 2, x, weights)];
  call.define(call.emitLast('conv2d', inputs, { strides, dilations, pad, groups, activation: call.activation(OPTION.conv2d.activation) }), 0);
};

/**
 * Filters [1, kh, kw, C·m] → [kh, kw, C, m]. With one input channel, and where scales along C·m would have to run over
 * two axes, it is written as the grouped convolution that it is: filters [C·m, kh, kw, 1].
 */
const depthwiseConv2d: Importer = (call) => {
  const x = image(call, call.input(0));
  const weights = call.constant(1, 'weights');
  const [, height, width, outputs] = rank4(call, weights);
  const channels = call.context.shapeOf(x)[2]!;
  if (outputs % channels !== 0) call.fail(`has ${outputs} filters for ${channels} channels`);
  const { strides, dilations, pad } = window(call, x, [height, width], OPTION.depthwiseConv2d);
  const common = { strides, dilations, pad, activation: call.activation(OPTION.depthwiseConv2d.activation) };
  const grouped = outputs !== channels && (channels === 1 || weights.quantization?.axis === 3);
  const laidOut = grouped ? permuteConstant(weights, [3, 1, 2, 0]) : reshapeConstant(weights, [height, width, channels, outputs / channels]);
  const inputs = [x, call.context.constantTensor(call.input(1), laidOut, call.origin), ...biasInputs(call, 2, x, weights)];
  const result = grouped ? call.emitLast('conv2d', inputs, { ...common, groups: channels }) : call.emitLast('depthwise-conv2d', inputs, common);
  call.define(result, 0);
};

/** Inputs: output shape, filters [O, kh, kw, I], x, bias. */
const transposeConv: Importer = (call) => {
  const size = call.integers(0, 'output sizes');
  const x = image(call, call.input(2));
  const weights = call.constant(1, 'weights');
  const [, height, width] = rank4(call, weights);
  const [inputHeight, inputWidth] = call.context.shapeOf(x) as [number, number];
  const strides = [call.int(OPTION.transposeConv.strideHeight, 1), call.int(OPTION.transposeConv.strideWidth, 1)] as const;
  const same = call.byte(OPTION.transposeConv.padding) === SAME;
  const vertical = cutOff(inputHeight, height, strides[0], size[1]!, same);
  const horizontal = cutOff(inputWidth, width, strides[1], size[2]!, same);
  const inputs = [x, call.context.constantTensor(call.input(1), weights, call.origin), ...biasInputs(call, 3, x, weights)];
  const attributes = {
    strides,
    dilations: [1, 1],
    pad: [vertical.before, vertical.after, horizontal.before, horizontal.after],
    outputPadding: [vertical.extra, horizontal.extra],
    activation: call.activation(OPTION.transposeConv.activation),
  };
  call.define(call.emitLast('conv2d-transpose', inputs, attributes), 0);
};

/** Weights [O, K]; without keep_num_dims the input is flattened to rows of K. */
const fullyConnected: Importer = (call) => {
  const { context, origin } = call;
  const value = call.input(0);
  const weights = call.constant(1, 'weights');
  if (call.byte(OPTION.fullyConnected.weightsFormat) !== 0) unsupported('shuffled weights', 'weights in the default format');
  if (weights.shape.length !== 2) call.fail(`has weights of shape [${weights.shape.join(', ')}]`);
  const depth = weights.shape[1]!;
  const rows = elementCount(value.shape) / depth;
  if (!Number.isInteger(rows)) call.fail(`has weights for ${depth} inputs, its input is [${value.shape.join(', ')}]`);
  const keep = call.bool(OPTION.fullyConnected.keepDims);
  const flat = keep ? context.tensor(value, origin) : rowsOf(call, value, rows, depth);
  const inputs = [flat, context.constantTensor(call.input(1), weights, origin), ...biasInputs(call, 2, flat, weights)];
  const result = call.emitLast('dense', inputs, { activation: call.activation(OPTION.fullyConnected.activation) });
  call.define(result, keep ? value.batchAxis : rows === 1 ? 0 : null);
};

/** [K] where there is one row, which is then the sample; else [rows, K]. */
function rowsOf(call: OperatorCall, value: SourceValue, rows: number, depth: number): TensorId {
  const tensor = call.context.tensor(value, call.origin);
  return call.context.reshape(tensor, rows === 1 ? [depth] : [rows, depth], call.origin);
}

const batchMatmul: Importer = (call) => {
  const { context, origin } = call;
  const a = call.input(0);
  const b = call.input(1);
  const rank = Math.max(a.shape.length, b.shape.length);
  if (a.shape.length < 2 || b.shape.length < 2) call.fail('needs matrices');
  // The leading axis is a batch of matrices only beyond rank 2; a vector of one row keeps its axis.
  const drop = (v: SourceValue): number | null => (rank > 2 && v.shape.length === rank && v.shape[0] === 1 ? 0 : null);
  const alike = [a, b].every((v) => v.shape.length < rank || drop(v) === 0);
  const tensors = [a, b].map((v) => context.perSample(v, alike ? drop(v) : null, origin));
  const attributes = { transposeA: call.bool(OPTION.batchMatmul.transposeX), transposeB: call.bool(OPTION.batchMatmul.transposeY) };
  call.define(call.emitLast('matmul', tensors, attributes), alike && rank > 2 ? 0 : null);
};

export const linearImporters: Readonly<Record<string, Importer>> = {
  CONV_2D: conv2d,
  DEPTHWISE_CONV_2D: depthwiseConv2d,
  TRANSPOSE_CONV: transposeConv,
  FULLY_CONNECTED: fullyConnected,
  BATCH_MATMUL: batchMatmul,
};

