/** Cross-layer equalization: the same function, the same largest weight on both sides of every channel, nothing that does not scale. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { FloatGraphBuilder } from '../../../src/graph/builder.js';
import { tensorOf, type FloatGraph } from '../../../src/graph/float.js';
import { equalizeLayers } from '../../../src/passes/float/equalize.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { loadModel } from '../../../src/frontends/index.js';
import { benchDirectory, leftOut } from '../../support/bench.js';
import { expectSameOutputs, newBuilder, origin, randomArray, randomNumbers } from '../../support/float-graphs.js';

const test = suite('cross-layer equalization');
const INFINITE = Number.POSITIVE_INFINITY;
const RELU = { min: 0, max: INFINITE };
const window = { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1] };

/** Weights whose channels differ by up to a thousand. */
class Chain {
  readonly builder: FloatGraphBuilder = newBuilder();
  private readonly next = randomNumbers(3);

  weights(name: string, shape: readonly number[], axis: number): string {
    const inner = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const data = randomArray(shape.reduce((a, b) => a * b, 1), this.next).map((w, k) => w * 10 ** ((Math.floor(k / inner) % shape[axis]!) % 4 - 2));
    return this.builder.constant(name, shape, data, origin(name));
  }

  layer(op: string, x: string, name: string, shape: readonly number[], channels: number, activation: { min: number; max: number } | null): string {
    const moments = { mean: Array.from({ length: channels }, (_, c) => c), deviation: Array.from({ length: channels }, () => 2) };
    const bias = this.builder.constant(`${name}/b`, [channels], randomArray(channels, this.next), origin(name), undefined, moments);
    const attributes = op === 'dense' ? { activation } : { ...window, ...(op === 'conv2d' && { groups: 1 }), activation };
    return this.builder.apply(op, [x, this.weights(`${name}/w`, shape, op === 'depthwise-conv2d' ? 2 : 0), bias], attributes, origin(name), name);
  }
}

/** conv → depthwise → conv → pool → flatten → dense. */
function chain(activation: { min: number; max: number } | null): FloatGraph {
  const c = new Chain();
  const first = c.layer('conv2d', c.builder.input('x', [6, 6, 3], 'float32'), 'first', [4, 3, 3, 3], 4, activation);
  const depthwise = c.layer('depthwise-conv2d', first, 'depthwise', [3, 3, 4, 2], 8, activation);
  const last = c.layer('conv2d', depthwise, 'last', [5, 3, 3, 8], 5, activation);
  const pool = c.builder.apply('max-pool2d', [last], { kernel: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0], activation: null }, origin('pool'));
  const flat = c.builder.apply('reshape', [pool], { shape: [45] }, origin('flat'));
  c.builder.output('y', c.layer('dense', flat, 'classifier', [7, 45], 7, null));
  return c.builder.build();
}

function largest(graph: FloatGraph, id: string, channels: number, channelOf: (k: number) => number): readonly number[] {
  const maxima = new Array<number>(channels).fill(0);
  graph.tensors.get(id)!.data!.forEach((w, k) => {
    maxima[channelOf(k)] = Math.max(maxima[channelOf(k)]!, Math.abs(w));
  });
  return maxima;
}

test('the function stays, both sides of a channel have the same largest weight', async () => {
  const graph = chain(RELU);
  const { graph: equalized, pairs } = equalizeLayers(graph);
  assert.is(pairs, 3);
  await expectSameOutputs(graph, equalized, { tolerance: 1e-5 });
  const sides = [
    [largest(equalized, 'first/w', 4, (k) => Math.floor(k / 27)), largest(equalized, 'depthwise/w', 4, (k) => Math.floor(k / 2) % 4)],
    [largest(equalized, 'depthwise/w', 8, (k) => k % 8), largest(equalized, 'last/w', 8, (k) => k % 8)],
    [largest(equalized, 'last/w', 5, (k) => Math.floor(k / 72)), largest(equalized, 'classifier/w', 5, (k) => k % 5)],
  ] as const;
  for (const [made, read] of sides) made.forEach((own, c) => assert.ok(Math.abs(own / read[c]! - 1) < 0.02, `${made} before, ${read} behind`));
});

test('biases and moments of training move along', () => {
  const graph = chain(RELU);
  const { graph: equalized } = equalizeLayers(graph);
  const before = tensorOf(graph, 'first/b');
  const after = tensorOf(equalized, 'first/b');
  after.data!.forEach((bias, c) => {
    const factor = before.data![c]! / bias;
    assert.ok(Math.abs(after.moments!.mean[c]! * factor - c) < 1e-5 && Math.abs(after.moments!.deviation[c]! * factor - 2) < 1e-5);
  });
});

test('bounded activations and values that others read stop it', () => {
  assert.is(equalizeLayers(chain({ min: 0, max: 6 })).pairs, 0);
  const c = new Chain();
  const first = c.layer('conv2d', c.builder.input('x', [6, 6, 3], 'float32'), 'first', [4, 3, 3, 3], 4, RELU);
  const second = c.layer('conv2d', first, 'second', [4, 3, 3, 4], 4, null);
  c.builder.output('y', c.builder.apply('add', [first, second], { activation: null }, origin('sum')));
  assert.is(equalizeLayers(c.builder.build()).pairs, 0);
});

test('ResNet-8: one pair a block', async () => {
  const bench = benchDirectory();
  if (!bench) return leftOut(1, 'the benchmark models are not there');
  const { graph } = optimizeFloatGraph(await loadModel(`${bench}/models/resnet8_cifar10.onnx`));
  const { graph: equalized, pairs } = equalizeLayers(graph);
  assert.is(pairs, 3);
  await expectSameOutputs(graph, equalized, { tolerance: 1e-5 });
});

test.run();
