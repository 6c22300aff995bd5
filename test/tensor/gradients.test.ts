/** Gradients of the kernels that operators evaluate with, against finite differences. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { initTensor, tf } from '../../src/tensor/index.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('gradients');
const random = new Random(5);

function values(shape: readonly number[], low = -1, high = 1): tf.Tensor {
  return tf.tensor(Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => low + (high - low) * random.next()), [...shape]);
}

/** Along random directions: gradient · direction = (f(x + εd) − f(x − εd)) / 2ε, where f weighs the results at random. */
function check(name: string, compute: (...inputs: tf.Tensor[]) => tf.Tensor, inputs: readonly tf.Tensor[], epsilon = 1e-2): void {
  const weights = values(compute(...inputs).shape);
  const scalar = (...given: tf.Tensor[]): tf.Scalar => tf.sum(tf.mul(compute(...given), weights)) as tf.Scalar;
  const { grads } = tf.valueAndGrads(scalar as never)([...inputs]);
  inputs.forEach((input, i) => {
    assert.equal(grads[i]!.shape, input.shape, name);
    const direction = values(input.shape);
    const at = (sign: number) => scalar(...inputs.map((own, k) => (k === i ? tf.add(own, tf.mul(direction, sign * epsilon)) : own))).dataSync()[0]!;
    const measured = (at(1) - at(-1)) / (2 * epsilon);
    const computed = tf.sum(tf.mul(grads[i]!, direction)).dataSync()[0]!;
    assert.ok(Math.abs(measured - computed) < 1e-2 * (1 + Math.abs(measured)), `${name}, input ${i}: ${computed}, measured ${measured}`);
  });
}

const PADS = ['valid', 'same'] as const;


test('products', async () => {
  await initTensor();
  for (const pad of PADS) {
    for (const stride of [1, 2, 3]) {
      for (const kernel of [[1, 1], [3, 3], [2, 5]] as const) {
        const x = values([2, 8, 9, 3]);
        check(`conv2d ${pad} ${stride} ${kernel}`, (a, w) => tf.conv2d(a as tf.Tensor4D, w as tf.Tensor4D, stride, pad), [x, values([...kernel, 3, 4])]);
        for (const multiplier of [1, 2]) check(`depthwise ${pad} ${stride} ${kernel} ${multiplier}`, (a, w) => tf.depthwiseConv2d(a as tf.Tensor4D, w as tf.Tensor4D, stride, pad), [x, values([...kernel, 3, multiplier])]);
      }
    }
    check(`dilated conv2d ${pad}`, (a, w) => tf.conv2d(a as tf.Tensor4D, w as tf.Tensor4D, 1, pad, 'NHWC', 2), [values([2, 9, 9, 3]), values([3, 3, 3, 4])]);
    check(`dilated depthwise ${pad}`, (a, w) => tf.depthwiseConv2d(a as tf.Tensor4D, w as tf.Tensor4D, 1, pad, 'NHWC', 2), [values([2, 9, 9, 3]), values([3, 3, 3, 1])]);
  }
  for (const [transposeA, transposeB] of [[false, false], [true, false], [false, true], [true, true]] as const) {
    check(`matMul ${transposeA} ${transposeB}`, (a, b) => tf.matMul(a, b, transposeA, transposeB), [values(transposeA ? [2, 4, 3] : [2, 3, 4]), values(transposeB ? [2, 5, 4] : [2, 4, 5])]);
  }
});

test('elements and broadcasting', async () => {
  await initTensor();
  const x = values([3, 4], 0.2, 2);
  const row = values([1, 4], 0.2, 2);
  check('add', tf.add, [x, row]);
  check('sub', tf.sub, [row, x]);
  check('mul', tf.mul, [x, row]);
  check('div', tf.div, [x, row], 1e-3);
  check('squared difference', tf.squaredDifference, [x, row]);
  check('pow', tf.pow, [x, row], 1e-3);
  for (const f of [tf.square, tf.exp, tf.sigmoid, tf.tanh, tf.erf, tf.neg, tf.softplus]) check(f.name, f as never, [values([3, 4])]);
  for (const f of [tf.log, tf.sqrt, tf.rsqrt, tf.reciprocal]) check(f.name, f as never, [x], 1e-3);
  check('softmax', (a) => tf.softmax(a), [x]);
});

test('clamps pass on what they do not clamp', async () => {
  await initTensor();
  const x = tf.tensor1d([-2, -0.5, 0.5, 2, 7]);
  const gradient = (f: (x: tf.Tensor) => tf.Tensor) => [...tf.grad((a) => tf.sum(f(a)))(x).dataSync()];
  assert.equal(gradient((a) => tf.relu(a as tf.Tensor1D)), [0, 0, 1, 1, 1]);
  assert.equal(gradient((a) => tf.clipByValue(a, -1, 1)), [0, 1, 1, 0, 0]);
  assert.equal(gradient((a) => tf.maximum(a, tf.scalar(0))), [0, 0, 1, 1, 1]);
  assert.equal(gradient((a) => tf.minimum(a, tf.scalar(6))), [1, 1, 1, 1, 0]);
  assert.equal(gradient((a) => tf.abs(a)), [-1, -1, 1, 1, 1]);
});

test('moves, reductions and pools', async () => {
  await initTensor();
  const x = values([2, 4, 6, 3]);
  check('reshape', (a) => tf.reshape(a, [2, 72]), [x]);
  check('expandDims', (a) => tf.expandDims(a, 1), [x]);
  check('transpose', (a) => tf.transpose(a, [2, 0, 3, 1]), [x]);
  check('reverse', (a) => tf.reverse(a, [1, 2]), [x]);
  check('pad', (a) => tf.pad(a, [[0, 0], [1, 2], [0, 3], [0, 0]]), [x]);
  check('slice', (a) => tf.slice(a, [0, 1, 2, 0], [2, 2, -1, 3]), [x]);
  check('concat', (a, b) => tf.concat([a, b], 3), [x, values([2, 4, 6, 2])]);
  check('split', (a) => tf.split(a, [2, 4], 2)[1]!, [x]);
  check('tile', (a) => tf.tile(a, [1, 2, 1, 3]), [x]);
  check('addN', (a, b) => tf.addN([a, b]), [x, values([2, 4, 6, 3])]);
  check('sum', (a) => tf.sum(a, [1, 3]), [x]);
  check('mean', (a) => tf.mean(a, [1, 2]), [x]);
  check('max', (a) => tf.max(a, 3), [x], 1e-4);
  check('average pool', (a) => tf.avgPool(a as tf.Tensor4D, 2, 2, 'valid'), [x]);
  for (const [window, strides, pad] of [[2, 2, 'valid'], [3, 2, 'same'], [3, 1, 'valid']] as const) check(`max pool ${window} ${strides} ${pad}`, (a) => tf.maxPool(a as tf.Tensor4D, window, strides, pad), [x], 1e-4);
});

test.run();
