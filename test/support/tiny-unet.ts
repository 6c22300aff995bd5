/** A random noise-estimating network of 600 weights with all that diffusion models have: group norms, SiLU, a time input, attention, a skip connection. */
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { Attributes, FloatGraph, Origin, TensorId } from '../../src/graph/float.js';
import { Random } from './integer-graphs.js';

const origin: Origin = { file: 'tiny', format: 'builder', nodeName: '', opType: 'test' };
const SIZE = 8;
const CHANNELS = 4;

/** Inputs `x` [8,8,1] and `time` [2], output `noise` [8,8,1]. */
export function tinyUnet(seed = 1): FloatGraph {
  const random = new Random(seed);
  const builder = new FloatGraphBuilder('tiny-unet', { file: 'tiny', format: 'builder', sha256: 'tiny' });
  let names = 0;
  const add = (op: string, inputs: readonly TensorId[], attributes: Attributes): TensorId => builder.apply(op, inputs, attributes, { ...origin, nodeName: `${op}${names++}` });
  const weights = (shape: readonly number[], reach: number): TensorId => builder.constant(`w${names++}`, shape, Float32Array.from({ length: shape.reduce((n, d) => n * d, 1) }, () => reach * (2 * random.next() - 1)));
  const ones = (value: number): TensorId => builder.constant(`c${names++}`, [CHANNELS], new Float32Array(CHANNELS).fill(value));
  const none = { activation: null };
  const convolution = (x: TensorId, [to, from]: readonly [number, number], kernel: number, stride = 1): TensorId => {
    const pad = kernel === 3 ? [1, 1, 1, 1] : [0, 0, 0, 0];
    return add('conv2d', [x, weights([to, kernel, kernel, from], 1.5 / Math.sqrt(kernel * kernel * from)), weights([to], 0.1)], { strides: [stride, stride], dilations: [1, 1], pad, groups: 1, ...none });
  };
  const silu = (x: TensorId): TensorId => add('unary', [x], { function: 'silu', alpha: 0, beta: 0 });
  const norm = (x: TensorId): TensorId => add('group-norm', [x, ones(1), ones(0)], { groups: 2, epsilon: 1e-5 });
  const [x, time] = [builder.input('x', [SIZE, SIZE, 1], 'float32'), builder.input('time', [2], 'float32')];
  const first = convolution(x, [CHANNELS, 1], 3);
  const when = add('reshape', [add('dense', [time, weights([CHANNELS, 2], 1), weights([CHANNELS], 0.1)], none)], { shape: [1, 1, CHANNELS] });
  const down = convolution(silu(norm(add('add', [first, when], none))), [CHANNELS, CHANNELS], 3, 2);
  const flat = add('reshape', [norm(down)], { shape: [16, CHANNELS] });
  const scores = add('softmax', [add('matmul', [flat, flat], { transposeA: false, transposeB: true })], { axis: 1, beta: 0.5 });
  const attended = add('reshape', [add('matmul', [scores, flat], { transposeA: false, transposeB: false })], { shape: [4, 4, CHANNELS] });
  const up = add('resize', [add('add', [down, attended], none)], { mode: 'nearest', sizes: [SIZE, SIZE], coordinates: 'asymmetric', nearestMode: 'floor' });
  const joined = add('concat', [up, first], { axis: 2 });
  const last = silu(norm(convolution(joined, [CHANNELS, 2 * CHANNELS], 3)));
  builder.output('noise', convolution(last, [1, CHANNELS], 3));
  return builder.build();
}
