/** Convolutions and matrix products of GraphModels, plain and fused with bias and activation. */
import { elementCount, type TensorId } from '../../../graph/float.js';
import { batchNormConstants } from '../../batch-norm.js';
import { permuteConstant, type ConstantArray } from '../../constant-array.js';
import { unsupported } from '../../import-context.js';
import { RELU, RELU6, type ActivationAttribute } from '../../tensorflow/call.js';
import { image } from '../../tensorflow/spatial.js';
import { cutOff, validOrSame } from '../../tensorflow/window.js';
import type { NodeCall, NodeImporter } from './call.js';

interface Fusion {
  readonly bias: readonly TensorId[];
  readonly activation: ActivationAttribute;
  /** What cannot be a clamp stands behind the operator as a node of its own. */
  readonly unary: { readonly function: string; readonly alpha: number } | null;
}

const NONE: Fusion = { bias: [], activation: null, unary: null };

/** `fused_ops` of the _Fused… operators: at most a bias and one activation. */
function fusion(call: NodeCall): Fusion {
  let result = NONE;
  for (const name of call.node.texts('fused_ops')) {
    if (name === 'BiasAdd') result = { ...result, bias: [call.context.constantTensor(call.input(2), call.constant(2, 'biases'), call.origin)] };
    else if (name === 'Relu') result = { ...result, activation: RELU };
    else if (name === 'Relu6') result = { ...result, activation: RELU6 };
    else if (name === 'Elu') result = { ...result, unary: { function: 'elu', alpha: 1 } };
    else if (name === 'Sigmoid') result = { ...result, unary: { function: 'sigmoid', alpha: 0 } };
    else if (name === 'LeakyRelu') result = { ...result, unary: { function: 'leaky-relu', alpha: call.node.float('leakyrelu_alpha', 0.2) } };
    else unsupported(`fused operator ${name}`, 'BiasAdd, Relu, Relu6, Elu, Sigmoid, LeakyRelu');
  }
  return result;
}

function finish(call: NodeCall, op: string, inputs: readonly TensorId[], attributes: Parameters<NodeCall['emitLast']>[2], fused: Fusion, batchAxis: number | null): void {
  const whole = { ...attributes, activation: fused.activation };
  if (!fused.unary) call.define(call.emitLast(op, [...inputs, ...fused.bias], whole), batchAxis);
  else {
    const sum = call.emitMiddle(op, [...inputs, ...fused.bias], whole);
    call.define(call.emitLast('unary', [sum], { ...fused.unary, beta: 0 }), batchAxis);
  }
}

function window(call: NodeCall, x: TensorId, kernel: readonly number[]): { readonly strides: readonly number[]; readonly dilations: readonly number[]; readonly pad: readonly number[] } {
  call.requireChannelsLast();
  const strides = call.spatial('strides');
  const dilations = call.spatial('dilations');
  const padding = call.node.text('padding', 'VALID');
  if (padding === 'EXPLICIT') {
    const amounts = call.node.ints('explicit_paddings');
    if (amounts.length !== 8) call.fail(`explicit_paddings has ${amounts.length} numbers`);
    return { strides, dilations, pad: amounts.slice(2, 6) };
  }
  return validOrSame(padding === 'SAME', { input: call.context.shapeOf(x).slice(0, 2), kernel, strides, dilations });
}

function filter(call: NodeCall, rank: number, i = 1): ConstantArray {
  const weights = call.constant(i, 'weights');
  return weights.shape.length === rank ? weights : call.fail(`has weights of shape [${weights.shape.join(', ')}]`);
}

/** Filter [kh, kw, C/groups, O]. */
const conv2d: NodeImporter = (call) => {
  const x = image(call, call.input(0));
  const weights = permuteConstant(filter(call, 4), [3, 0, 1, 2]);
  const groups = call.context.shapeOf(x)[2]! / weights.shape[3]!;
  if (!Number.isInteger(groups)) call.fail(`has filters of ${weights.shape[3]} channels for an input of ${call.context.shapeOf(x)[2]}`);
  const tensor = call.context.constantTensor(call.input(1), weights, call.origin);
  finish(call, 'conv2d', [x, tensor], { ...window(call, x, weights.shape.slice(1, 3)), groups }, fusion(call), 0);
};

/** Filter [kh, kw, C, m]; one input channel makes it an ordinary convolution. */
const depthwise: NodeImporter = (call) => {
  const x = image(call, call.input(0));
  const stated = filter(call, 4);
  const attributes = window(call, x, stated.shape.slice(0, 2));
  const ordinary = stated.shape[2] === 1 && stated.shape[3] !== 1;
  const weights = ordinary ? permuteConstant(stated, [3, 0, 1, 2]) : stated;
  const tensor = call.context.constantTensor(call.input(1), weights, call.origin);
  if (ordinary) finish(call, 'conv2d', [x, tensor], { ...attributes, groups: 1 }, fusion(call), 0);
  else finish(call, 'depthwise-conv2d', [x, tensor], attributes, fusion(call), 0);
};

/** Inputs: output sizes, filter [kh, kw, O, C], x. */
const conv2dBackpropInput: NodeImporter = (call) => {
  call.requireChannelsLast();
  const size = call.integers(0, 'output sizes');
  const weights = permuteConstant(filter(call, 4), [2, 0, 1, 3]);
  const x = image(call, call.input(2));
  const strides = call.spatial('strides');
  const same = call.node.text('padding', 'VALID') === 'SAME';
  const axes = [0, 1].map((axis) => cutOff(call.context.shapeOf(x)[axis]!, weights.shape[axis + 1]!, strides[axis]!, size[axis + 1]!, same));
  const attributes = { strides, dilations: [1, 1], pad: axes.flatMap((a) => [a.before, a.after]), outputPadding: axes.map((a) => a.extra) };
  finish(call, 'conv2d-transpose', [x, call.context.constantTensor(call.input(1), weights, call.origin)], attributes, NONE, 0);
};

/** x [rows, K] times [K, O] (or its transpose). With a constant matrix it is a dense layer. */
const matmul: NodeImporter = (call) => {
  const { context, origin, node } = call;
  const a = call.input(0);
  const b = call.input(1);
  if (a.shape.length !== 2 || b.shape.length !== 2) call.fail(`needs matrices, it has [${a.shape.join(', ')}] and [${b.shape.join(', ')}]`);
  if (b.constant && !node.bool('transpose_a')) {
    const weights = node.bool('transpose_b') ? b.constant : permuteConstant(b.constant, [1, 0]);
    const batchAxis = a.batchAxis === 0 ? 0 : null;
    const x = context.perSample(a, batchAxis, origin);
    finish(call, 'dense', [x, context.constantTensor(b, weights, origin)], {}, fusion(call), batchAxis);
    return;
  }
  const tensors = [a, b].map((v) => context.perSample(v, null, origin));
  if (fusion(call) !== NONE) unsupported('a product of two computed matrices with fused operators', 'separate operators');
  call.define(call.emitLast('matmul', tensors, { transposeA: node.bool('transpose_a'), transposeB: node.bool('transpose_b') }), null);
};

/** Leading axes are a batch of matrices. */
const batchMatmul: NodeImporter = (call) => {
  const { context, origin, node } = call;
  const [a, b] = [call.input(0), call.input(1)];
  const rank = Math.max(a.shape.length, b.shape.length);
  const leading = rank > 2 && [a, b].every((v) => v.shape.length < rank || v.shape[0] === 1);
  const tensors = [a, b].map((v) => context.perSample(v, leading && v.shape.length === rank ? 0 : null, origin));
  call.define(call.emitLast('matmul', tensors, { transposeA: node.bool('adj_x'), transposeB: node.bool('adj_y') }), leading ? 0 : null);
};

/** Inputs: x, scale, offset, mean, variance. */
const fusedBatchNorm: NodeImporter = (call) => {
  const { context, origin } = call;
  call.requireChannelsLast();
  if (call.node.bool('is_training')) unsupported('batch normalization in training mode', 'an inference graph');
  const [gamma, beta, mean, variance] = [1, 2, 3, 4].map((i) => call.constant(i, 'statistics').data) as [Float32Array, Float32Array, Float32Array, Float32Array];
  const constants = batchNormConstants({ mean, variance, gamma, beta, epsilon: call.node.float('epsilon', 1e-3) });
  const parameters = (['scale', 'shift'] as const).map((name) => context.constantTensor({ name: `${call.node.name}/${name}` }, constants[name], origin));
  call.define(call.emitLast('batch-norm', [image(call, call.input(0)), ...parameters], {}), 0);
};

/** A bias behind a product is folded into it by a pass. */
const biasAdd: NodeImporter = (call) => {
  call.requireChannelsLast();
  const bias = call.constant(1, 'biases');
  if (elementCount(bias.shape) !== call.input(0).shape.at(-1)) call.fail(`has ${elementCount(bias.shape)} biases for [${call.input(0).shape.join(', ')}]`);
  const { tensors, batchAxis } = call.context.broadcast([call.input(0), call.input(1)], call.origin);
  call.define(call.emitLast('add', tensors, { activation: null }), batchAxis);
};

export const linearNodes: Readonly<Record<string, NodeImporter>> = {
  Conv2D: conv2d,
  _FusedConv2D: conv2d,
  DepthwiseConv2d: depthwise,
  DepthwiseConv2dNative: depthwise,
  FusedDepthwiseConv2dNative: depthwise,
  Conv2DBackpropInput: conv2dBackpropInput,
  MatMul: matmul,
  _FusedMatMul: matmul,
  BatchMatMul: batchMatmul,
  BatchMatMulV2: batchMatmul,
  FusedBatchNorm: fusedBatchNorm,
  FusedBatchNormV2: fusedBatchNorm,
  FusedBatchNormV3: fusedBatchNorm,
  BiasAdd: biasAdd,
};
