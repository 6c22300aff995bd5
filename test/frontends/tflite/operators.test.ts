/** Every imported TFLite operator, alone in a written file, against TensorFlow.js's own operator on the same numbers. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../../src/calibration/executor.js';
import { importTflite } from '../../../src/frontends/tflite/index.js';
import { OPTION } from '../../../src/frontends/tflite/schema.js';
import { elementCount } from '../../../src/graph/float.js';
import { verifyFloatGraph } from '../../../src/graph/verify.js';
import { initTensor, tf } from '../../../src/tensor/index.js';
import { uniform } from '../tfjs/support.js';
import { writeTflite, type Options, type WrittenTensor } from './writer.js';

const test = suite('TFLite operators');
test.before(async () => void (await initTensor()));

interface Case {
  readonly operator: string;
  readonly title?: string;
  /** Inputs of the operator in order: a shape is a network input, a tensor a constant, null left out. */
  readonly inputs: readonly (readonly number[] | WrittenTensor | null)[];
  readonly options?: Options;
  /** TensorFlow.js on all inputs in order. */
  readonly expected: (...inputs: tf.Tensor[]) => tf.Tensor | tf.Tensor[];
  /** Inputs are moved into this range (from [−1, 1)). */
  readonly range?: readonly [number, number];
}

const byte = (value: number): { readonly byte: number } => ({ byte: value });
const int = (value: number): { readonly int: number } => ({ int: value });
const weights = (...shape: number[]): WrittenTensor => ({ shape, data: uniform(elementCount(shape), 31 + elementCount(shape)) });
const ints = (...values: number[]): WrittenTensor => ({ shape: [values.length], type: 'int32', data: Int32Array.from(values) });
const scalar = (value: number): WrittenTensor => ({ shape: [], type: 'int32', data: Int32Array.of(value) });
const pairs = (...values: number[]): WrittenTensor => ({ shape: [values.length / 2, 2], type: 'int32', data: Int32Array.from(values) });

const SAME = 0;
const VALID = 1;
const conv = (padding: number, stride: readonly [number, number], dilation: readonly [number, number] = [1, 1], activation = 0): Options => ({
  [OPTION.conv2d.padding]: byte(padding), [OPTION.conv2d.strideHeight]: int(stride[0]), [OPTION.conv2d.strideWidth]: int(stride[1]), [OPTION.conv2d.activation]: byte(activation),
  [OPTION.conv2d.dilationHeight]: int(dilation[0]), [OPTION.conv2d.dilationWidth]: int(dilation[1]),
});
const depthwise = (padding: number, stride: readonly [number, number], dilation: readonly [number, number] = [1, 1]): Options => ({
  [OPTION.depthwiseConv2d.padding]: byte(padding), [OPTION.depthwiseConv2d.strideHeight]: int(stride[0]), [OPTION.depthwiseConv2d.strideWidth]: int(stride[1]),
  [OPTION.depthwiseConv2d.multiplier]: int(1), [OPTION.depthwiseConv2d.dilationHeight]: int(dilation[0]), [OPTION.depthwiseConv2d.dilationWidth]: int(dilation[1]),
});
const pool = (padding: number, kernel: readonly [number, number], stride: readonly [number, number], activation = 0): Options => ({
  [OPTION.pool.padding]: byte(padding), [OPTION.pool.filterHeight]: int(kernel[0]), [OPTION.pool.filterWidth]: int(kernel[1]),
  [OPTION.pool.strideHeight]: int(stride[0]), [OPTION.pool.strideWidth]: int(stride[1]), [OPTION.pool.activation]: byte(activation),
});
/** OHWI → HWIO. */
const hwio = (w: tf.Tensor): tf.Tensor4D => tf.transpose(w, [1, 2, 3, 0]) as tf.Tensor4D;
const image = [1, 7, 6, 3];

const unary: readonly Case[] = (
  [
    ['ABS', tf.abs], ['EXP', tf.exp], ['SQUARE', tf.square], ['NEG', tf.neg], ['TANH', tf.tanh], ['LOGISTIC', tf.sigmoid], ['ELU', tf.elu], ['RELU', tf.relu],
    ['RELU_N1_TO_1', (x: tf.Tensor) => tf.clipByValue(x, -1, 1)], ['RELU_0_TO_1', (x: tf.Tensor) => tf.clipByValue(x, 0, 1)], ['RELU6', (x: tf.Tensor) => tf.clipByValue(x, 0, 6)],
    ['HARD_SWISH', (x: tf.Tensor) => tf.mul(x, tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6))],
    ['GELU', (x: tf.Tensor) => tf.mul(tf.mul(x, 0.5), tf.add(1, tf.erf(tf.div(x, Math.SQRT2))))],
  ] as const
).map(([operator, expected]) => ({ operator, inputs: [[1, 3, 4]], range: [-4, 8], expected }) as Case);
const positive: readonly Case[] = ([['LOG', tf.log], ['SQRT', tf.sqrt], ['RSQRT', tf.rsqrt]] as const).map(([operator, expected]) => ({ operator, inputs: [[1, 9]], range: [0.1, 5], expected }) as Case);

const cases: readonly Case[] = [
  ...unary,
  ...positive,
  { operator: 'LEAKY_RELU', inputs: [[1, 9]], options: { [OPTION.leakyRelu.alpha]: { float: 0.25 } }, expected: (x) => tf.leakyRelu(x, 0.25) },
  { operator: 'SOFTMAX', inputs: [[1, 3, 5]], options: { [OPTION.softmax.beta]: { float: 1.5 } }, expected: (x) => tf.softmax(tf.mul(x, 1.5)) },

  { operator: 'CONV_2D', title: 'same, strided, relu', inputs: [image, weights(4, 3, 2, 3), weights(4)], options: conv(SAME, [2, 1], [1, 1], 1), expected: (x, w, b) => tf.relu(tf.add(tf.conv2d(x as tf.Tensor4D, hwio(w!), [2, 1], 'same'), b!)) },
  { operator: 'CONV_2D', title: 'valid, dilated, relu6, no bias', inputs: [image, weights(4, 3, 2, 3), null], options: conv(VALID, [1, 1], [2, 3], 3), expected: (x, w) => tf.clipByValue(tf.conv2d(x as tf.Tensor4D, hwio(w!), 1, 'valid', 'NHWC', [2, 3]), 0, 6) },
  { operator: 'CONV_2D', title: 'same, even kernel', inputs: [image, weights(2, 4, 4, 3), weights(2)], options: conv(SAME, [1, 1]), expected: (x, w, b) => tf.add(tf.conv2d(x as tf.Tensor4D, hwio(w!), 1, 'same'), b!) },
  { operator: 'DEPTHWISE_CONV_2D', inputs: [image, weights(1, 3, 3, 3), weights(3)], options: depthwise(SAME, [2, 2]), expected: (x, w, b) => tf.add(tf.depthwiseConv2d(x as tf.Tensor4D, tf.reshape(w!, [3, 3, 3, 1]), 2, 'same'), b!) },
  { operator: 'DEPTHWISE_CONV_2D', title: 'multiplier 2', inputs: [image, weights(1, 3, 2, 6), weights(6)], options: depthwise(VALID, [1, 1]), expected: (x, w, b) => tf.add(tf.depthwiseConv2d(x as tf.Tensor4D, tf.reshape(w!, [3, 2, 3, 2]), 1, 'valid'), b!) },
  { operator: 'DEPTHWISE_CONV_2D', title: 'one channel, multiplier 4', inputs: [[1, 7, 6, 1], weights(1, 3, 2, 4), weights(4)], options: depthwise(SAME, [1, 1]), expected: (x, w, b) => tf.add(tf.depthwiseConv2d(x as tf.Tensor4D, tf.reshape(w!, [3, 2, 1, 4]), 1, 'same'), b!) },
  { operator: 'TRANSPOSE_CONV', title: 'same', inputs: [ints(1, 14, 12, 5), weights(5, 3, 3, 3), image], options: { [OPTION.transposeConv.padding]: byte(SAME), [OPTION.transposeConv.strideHeight]: int(2), [OPTION.transposeConv.strideWidth]: int(2) }, expected: (_s, w, x) => tf.conv2dTranspose(x as tf.Tensor4D, tf.transpose(w!, [1, 2, 0, 3]) as tf.Tensor4D, [1, 14, 12, 5], 2, 'same') },
  { operator: 'TRANSPOSE_CONV', title: 'valid, bias', inputs: [ints(1, 15, 13, 5), weights(5, 3, 3, 3), image, weights(5)], options: { [OPTION.transposeConv.padding]: byte(VALID), [OPTION.transposeConv.strideHeight]: int(2), [OPTION.transposeConv.strideWidth]: int(2) }, expected: (_s, w, x, b) => tf.add(tf.conv2dTranspose(x as tf.Tensor4D, tf.transpose(w!, [1, 2, 0, 3]) as tf.Tensor4D, [1, 15, 13, 5], 2, 'valid'), b!) },
  { operator: 'FULLY_CONNECTED', inputs: [[1, 6], weights(4, 6), weights(4)], options: { [OPTION.fullyConnected.activation]: byte(1) }, expected: (x, w, b) => tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D, false, true), b!)) },
  { operator: 'FULLY_CONNECTED', title: 'flattens an image', inputs: [[1, 2, 3, 4], weights(5, 24), null], expected: (x, w) => tf.matMul(tf.reshape(x, [1, 24]), w as tf.Tensor2D, false, true) },
  { operator: 'FULLY_CONNECTED', title: 'rows', inputs: [[1, 3, 4], weights(5, 4), weights(5)], expected: (x, w, b) => tf.add(tf.matMul(tf.reshape(x, [3, 4]), w as tf.Tensor2D, false, true), b!) },
  { operator: 'FULLY_CONNECTED', title: 'keeps axes', inputs: [[1, 3, 4], weights(5, 4), weights(5)], options: { [OPTION.fullyConnected.keepDims]: byte(1) }, expected: (x, w, b) => tf.reshape(tf.add(tf.matMul(tf.reshape(x, [3, 4]), w as tf.Tensor2D, false, true), b!), [1, 3, 5]) },
  { operator: 'BATCH_MATMUL', inputs: [[1, 2, 3, 4], [1, 2, 5, 4]], options: { [OPTION.batchMatmul.transposeY]: byte(1) }, expected: (a, b) => tf.matMul(a!, b!, false, true) },
  { operator: 'BATCH_MATMUL', title: 'constant matrix', inputs: [[1, 3, 4], weights(4, 5)], expected: (a, b) => tf.reshape(tf.matMul(tf.reshape(a, [3, 4]), b as tf.Tensor2D), [1, 3, 5]) },

  { operator: 'ADD', inputs: [image, image], options: { [OPTION.binary.activation]: byte(1) }, expected: (a, b) => tf.relu(tf.add(a!, b!)) },
  { operator: 'SUB', title: 'broadcast constant', inputs: [weights(3), image], expected: (a, b) => tf.sub(a!, b!) },
  { operator: 'MUL', title: 'broadcast activation', inputs: [image, [1, 1, 1, 3]], expected: (a, b) => tf.mul(a!, b!) },
  { operator: 'DIV', inputs: [image, { shape: [], data: Float32Array.of(3) }], expected: (a, b) => tf.div(a!, b!) },
  { operator: 'SQUARED_DIFFERENCE', inputs: [image, weights(3)], expected: (a, b) => tf.squaredDifference(a!, b!) },
  { operator: 'MAXIMUM', inputs: [image, { shape: [], data: Float32Array.of(0.25) }], expected: (a) => tf.maximum(a, 0.25) },
  { operator: 'MINIMUM', inputs: [{ shape: [1], data: Float32Array.of(0.25) }, image], expected: (_s, a) => tf.minimum(a!, 0.25) },

  { operator: 'AVERAGE_POOL_2D', title: 'same', inputs: [image], options: pool(SAME, [3, 2], [2, 2]), expected: (x) => tf.avgPool(x as tf.Tensor4D, [3, 2], 2, 'same') },
  { operator: 'AVERAGE_POOL_2D', title: 'global, relu', inputs: [image], options: pool(VALID, [7, 6], [7, 6], 1), expected: (x) => tf.relu(tf.mean(x, [1, 2], true)) },
  { operator: 'MAX_POOL_2D', inputs: [image], options: pool(SAME, [2, 3], [2, 1]), expected: (x) => tf.maxPool(x as tf.Tensor4D, [2, 3], [2, 1], 'same') },
  { operator: 'MEAN', inputs: [image, ints(1, 2)], expected: (x) => tf.mean(x, [1, 2]) },
  { operator: 'MEAN', title: 'keeps axes, negative axis', inputs: [image, ints(-1)], options: { [OPTION.reducer.keepDims]: byte(1) }, expected: (x) => tf.mean(x, [3], true) },
  { operator: 'SUM', title: 'batch axis too', inputs: [image, ints(0, 1)], expected: (x) => tf.sum(x, [0, 1]) },
  { operator: 'REDUCE_MAX', inputs: [image, ints(2)], expected: (x) => tf.max(x, [2]) },
  { operator: 'PAD', inputs: [image, pairs(0, 0, 1, 2, 0, 3, 0, 0)], expected: (x) => tf.pad(x, [[0, 0], [1, 2], [0, 3], [0, 0]]) },
  { operator: 'PADV2', inputs: [image, pairs(0, 0, 1, 0, 0, 1, 0, 2), { shape: [], data: Float32Array.of(-0.5) }], expected: (x) => tf.pad(x, [[0, 0], [1, 0], [0, 1], [0, 2]], -0.5) },
  { operator: 'MIRROR_PAD', title: 'reflect', inputs: [image, pairs(0, 0, 2, 1, 1, 2, 0, 0)], expected: (x) => tf.mirrorPad(x, [[0, 0], [2, 1], [1, 2], [0, 0]], 'reflect') },
  { operator: 'MIRROR_PAD', title: 'symmetric by one', inputs: [image, pairs(0, 0, 1, 1, 0, 1, 0, 0)], options: { [OPTION.mirrorPad.mode]: byte(1) }, expected: (x) => tf.mirrorPad(x, [[0, 0], [1, 1], [0, 1], [0, 0]], 'symmetric') },
  { operator: 'RESIZE_NEAREST_NEIGHBOR', inputs: [image, ints(12, 9)], expected: (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [12, 9]) },
  { operator: 'RESIZE_NEAREST_NEIGHBOR', title: 'half-pixel centres', inputs: [image, ints(10, 9)], options: { [OPTION.resizeNearest.halfPixelCenters]: byte(1) }, expected: (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [10, 9], false, true) },
  { operator: 'RESIZE_BILINEAR', inputs: [image, ints(12, 9)], expected: (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [12, 9]) },
  { operator: 'RESIZE_BILINEAR', title: 'half-pixel centres', inputs: [image, ints(12, 9)], options: { [OPTION.resizeBilinear.halfPixelCenters]: byte(1) }, expected: (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [12, 9], false, true) },
  { operator: 'RESIZE_BILINEAR', title: 'aligned corners', inputs: [image, ints(12, 9)], options: { [OPTION.resizeBilinear.alignCorners]: byte(1) }, expected: (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [12, 9], true) },

  { operator: 'RESHAPE', inputs: [image, ints(1, -1, 9)], expected: (x) => tf.reshape(x, [1, 14, 9]) },
  { operator: 'RESHAPE', title: 'into rows, by option', inputs: [image], options: { [OPTION.reshape.newShape]: { ints: [42, 3] } }, expected: (x) => tf.reshape(x, [42, 3]) },
  { operator: 'SQUEEZE', inputs: [[1, 4, 1, 3]], options: { [OPTION.squeeze.axes]: { ints: [2] } }, expected: (x) => tf.squeeze(x, [2]) },
  { operator: 'EXPAND_DIMS', inputs: [[1, 4, 3], scalar(-1)], expected: (x) => tf.expandDims(x, -1) },
  { operator: 'TRANSPOSE', inputs: [image, ints(0, 3, 1, 2)], expected: (x) => tf.transpose(x, [0, 3, 1, 2]) },
  { operator: 'TRANSPOSE', title: 'moves the batch', inputs: [image, ints(3, 0, 2, 1)], expected: (x) => tf.transpose(x, [3, 0, 2, 1]) },
  { operator: 'CONCATENATION', inputs: [image, image, weights(1, 7, 6, 2)], options: { [OPTION.concatenation.axis]: int(-1) }, expected: (a, b, c) => tf.concat([a!, b!, c!], 3) },
  { operator: 'CONCATENATION', title: 'along the batch', inputs: [[1, 4], [1, 4]], options: { [OPTION.concatenation.axis]: int(0) }, expected: (a, b) => tf.concat([a!, b!], 0) },
  { operator: 'PACK', inputs: [[1, 4], [1, 4]], options: { [OPTION.pack.count]: int(2), [OPTION.pack.axis]: int(1) }, expected: (a, b) => tf.stack([a!, b!], 1) },
  { operator: 'UNPACK', inputs: [[1, 2, 4]], options: { [OPTION.unpack.count]: int(2), [OPTION.unpack.axis]: int(1) }, expected: (x) => tf.unstack(x, 1) },
  { operator: 'SPLIT', inputs: [scalar(3), [1, 2, 2, 6]], options: { [OPTION.split.count]: int(3) }, expected: (_a, x) => tf.split(x!, 3, 3) },
  { operator: 'SPLIT_V', inputs: [[1, 2, 2, 6], ints(1, -1), scalar(-1)], expected: (x) => tf.split(x, [1, 5], 3) },
  { operator: 'SLICE', inputs: [image, ints(0, 1, 2, 0), ints(1, 3, -1, 2)], expected: (x) => tf.slice(x, [0, 1, 2, 0], [1, 3, 4, 2]) },
  { operator: 'STRIDED_SLICE', inputs: [image, ints(0, 6, 1, 0), ints(1, 0, 6, 0), ints(1, -2, 2, 1)], options: { [OPTION.stridedSlice.endMask]: int(8) }, expected: (x) => tf.stridedSlice(x, [0, 6, 1, 0], [1, 0, 6, 0], [1, -2, 2, 1], 0, 8) },
  { operator: 'STRIDED_SLICE', title: 'shrinks an axis', inputs: [image, ints(0, -1), ints(1, 0), ints(1, 1)], options: { [OPTION.stridedSlice.shrinkAxisMask]: int(2) }, expected: (x) => tf.squeeze(tf.slice(x, [0, 6, 0, 0], [1, 1, 6, 3]), [1]) },
  { operator: 'GATHER', inputs: [image, ints(2, 0, 2)], options: { [OPTION.gather.axis]: int(3) }, expected: (x) => tf.gather(x, [2, 0, 2], 3) },
  { operator: 'GATHER', title: 'one index', inputs: [image, scalar(1)], options: { [OPTION.gather.axis]: int(1) }, expected: (x) => tf.gather(x, tf.scalar(1, 'int32'), 1) },
];

const isTensor = (input: Case['inputs'][number]): input is WrittenTensor => input !== null && !Array.isArray(input);

async function run(c: Case): Promise<void> {
  const [low, high] = c.range ?? [-1, 1];
  const values = c.inputs.map((input, i) => (input === null || isTensor(input) ? null : uniform(elementCount(input), 51 + i).map((v) => low + ((v + 1) / 2) * (high - low))));
  const real = c.inputs.map((input, i) => {
    if (input === null) return tf.scalar(0);
    return isTensor(input) ? tf.tensor(input.data as Float32Array, [...input.shape], input.type === 'int32' ? 'int32' : 'float32') : tf.tensor(values[i]!, [...input]);
  });
  const result = c.expected(...real);
  const expected = Array.isArray(result) ? result : [result];
  const present = c.inputs.flatMap((input) => (input === null ? [] : [isTensor(input) ? input : { name: 'x', shape: input }]));
  let index = 0;
  const indices = c.inputs.map((input) => (input === null ? -1 : index++));
  const outputs = expected.map((_, i) => present.length + i);
  const bytes = writeTflite({
    tensors: [...present, ...expected.map((e) => ({ name: 'y', shape: e.shape }))],
    operators: [{ name: c.operator, inputs: indices, outputs, ...(c.options && { options: c.options }) }],
    inputs: indices.filter((i, k) => i >= 0 && !isTensor(c.inputs[k]!)),
    outputs,
  });
  const graph = importTflite(bytes, 'case.tflite');
  verifyFloatGraph(graph);
  const executor = await createExecutor(graph);
  const fed = values.filter((v) => v !== null);
  const actual = await executor.run(new Map(graph.inputs.map((port, i) => [port.name, fed[i]!])), 1);
  expected.forEach((e, o) => {
    const got = actual.get(graph.outputs[o]!.tensor)!;
    const wanted = Float32Array.from(e.dataSync());
    assert.is(graph.outputs[o]!.sourceShape.join(), e.shape.join(), 'shape');
    assert.is(got.length, wanted.length);
    wanted.forEach((v, i) => assert.ok(Math.abs(got[i]! - v) <= 1e-5 * Math.max(1, Math.abs(v)), `output ${o} element ${i}: ${got[i]} is not ${v}`));
  });
}

for (const c of cases) test(`${c.operator}${c.title ? `: ${c.title}` : ''}`, () => run(c));

test.run();
