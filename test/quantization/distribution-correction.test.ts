/** Distribution correction: the gradient of the moments in closed form, where statistics come from, what a corrected unit is. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../src/calibration/index.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { ChannelMoments, FloatGraph } from '../../src/graph/float.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { correctableLayers, correctDistribution, momentDistance } from '../../src/quantization/reconstruction/distribution-correction.js';
import { findUnits } from '../../src/quantization/reconstruction/units.js';
import { batchNormConstants } from '../../src/frontends/batch-norm.js';
import { initTensor, tf } from '../../src/tensor/index.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('distribution correction');

function randomValues(length: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => 2 * random.next() - 1);
}

/** ∂/∂v of mean over samples of Σ (m − μ)² + (s − σ)²: 2/N·((m − μ)/P + (s − σ)/s·(v − m)/(P − 1)). */
function closedForm(values: Float32Array, samples: number, positions: number, { mean, deviation }: ChannelMoments): Float64Array {
  const channels = mean.length;
  const gradient = new Float64Array(values.length);
  for (let n = 0; n < samples; n++) {
    for (let c = 0; c < channels; c++) {
      const at = (p: number) => (n * positions + p) * channels + c;
      const own = Array.from({ length: positions }, (_, p) => values[at(p)]!);
      const m = own.reduce((a, b) => a + b, 0) / positions;
      const s = Math.sqrt(own.reduce((sum, v) => sum + (v - m) ** 2, 0) / (positions - 1) + 1e-6);
      own.forEach((v, p) => {
        gradient[at(p)] = (2 / samples) * ((m - mean[c]!) / positions + (((s - deviation[c]!) / s) * (v - m)) / (positions - 1));
      });
    }
  }
  return gradient;
}

test('gradient of the distance of moments', async () => {
  await initTensor();
  const values = randomValues(3 * 4 * 5 * 2, 1);
  const wanted = { mean: [0.3, -0.2], deviation: [0.9, 0.1] };
  const gradient = tf.tidy(() => tf.grad((v) => momentDistance(v, wanted))(tf.tensor(values, [3, 4, 5, 2])).dataSync());
  const expected = closedForm(values, 3, 20, wanted);
  gradient.forEach((g, i) => assert.ok(Math.abs(g - expected[i]!) < 1e-5, `element ${i}: ${g}, expected ${expected[i]}`));
});

const ORIGIN = (nodeName: string) => ({ file: 'norms.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });

/** Two convolutions with a batch norm and ReLU each; the second norm is followed by a product with one number a channel. */
function network(withNorms: boolean): FloatGraph {
  const b = new FloatGraphBuilder('norms', { file: 'norms.onnx', format: 'builder', sha256: '0' });
  const layer = (name: string, x: string, from: number, seed: number) => {
    const y = b.apply('conv2d', [x, b.constant(`${name}/w`, [4, 3, 3, from], randomValues(36 * from, seed))], { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation: null }, ORIGIN(name));
    if (!withNorms) return b.apply('clamp', [y], { min: 0, max: Number.POSITIVE_INFINITY }, ORIGIN(`${name}/relu`));
    const { scale, shift } = batchNormConstants({ mean: randomValues(4, seed + 1), variance: [1, 2, 3, 4], gamma: [1, -2, 0.5, 1], beta: [0.5, 0, -1, 1], epsilon: 1 });
    const norm = b.apply('batch-norm', [y, b.constant(`${name}/s`, [4], scale.data), b.constant(`${name}/h`, [4], shift.data, undefined, undefined, shift.moments)], {}, ORIGIN(`${name}/norm`));
    const scaled = seed === 10 ? b.apply('mul', [norm, b.constant(`${name}/m`, [4], Float32Array.of(1, 2, -1, 0.5))], { activation: null }, ORIGIN(`${name}/mul`)) : norm;
    return b.apply('clamp', [scaled], { min: 0, max: Number.POSITIVE_INFINITY }, ORIGIN(`${name}/relu`));
  };
  b.output('y', layer('second', layer('first', b.input('x', [6, 6, 3], 'float32'), 3, 2), 4, 10));
  return optimizeFloatGraph(b.build()).graph;
}

test('folded layers keep the moments of their norms, moved by what is folded later', () => {
  const graph = network(true);
  const moments = graph.nodes.map((node) => graph.tensors.get(node.inputs[2]!)!.moments!);
  const close = (actual: readonly number[], expected: readonly number[]) => actual.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-6, `${actual} instead of ${expected}`));
  assert.is(graph.nodes.length, 2);
  const deviation = [1, -2, 0.5, 1].map((gamma, c) => Math.abs(gamma) * Math.sqrt((c + 1) / (c + 2)));
  close(moments[0]!.mean, [0.5, 0, -1, 1]);
  close(moments[0]!.deviation, deviation);
  close(moments[1]!.mean, [0.5, 0, 1, 0.5]);
  close(moments[1]!.deviation, [deviation[0]!, 2 * deviation[1]!, deviation[2]!, 0.5 * deviation[3]!]);
});

test('nothing to correct at the inputs of the network, nor without norms', () => {
  for (const withNorms of [true, false]) {
    const graph = network(withNorms);
    assert.equal(findUnits(graph, 'layer').map((unit) => correctableLayers(graph, unit).size), [0, withNorms ? 1 : 0]);
  }
});

test('corrected inputs have nearer moments, stay near, and give the targets', async () => {
  const graph = network(true);
  const unit = findUnits(graph, 'layer')[1]!;
  const real = new Map([[unit.inputs[0]!, randomValues(10 * 144, 30)]]);
  const options = { iterations: 40, rate: 1e-2, closeness: 1, batch: 4 };
  const seen: number[] = [];
  const { inputs, outputs } = await correctDistribution(graph, unit, real, 10, options, async (done) => void seen.push(done));
  assert.equal(seen, [4, 8, 10]);
  const only = { ...graph, nodes: unit.nodes, inputs: [{ ...graph.inputs[0]!, name: 'unit', tensor: unit.inputs[0]! }] };
  const run = async (own: FloatGraph, values: Float32Array) => {
    const executor = await createExecutor(own);
    const made = (await executor.run(new Map([['unit', values]]), 10)).get(unit.outputs[0]!)!;
    executor.dispose();
    return made;
  };
  const moved = inputs.get(unit.inputs[0]!)!;
  const expected = await run(only, moved);
  outputs.get(unit.outputs[0]!)!.forEach((value, i) => assert.ok(Math.abs(value - expected[i]!) < 1e-4));
  // Before the activation.
  const open = { ...only, nodes: only.nodes.map((node) => ({ ...node, attributes: { ...node.attributes, activation: null } })) };
  const wanted = graph.tensors.get(unit.nodes[0]!.inputs[2]!)!.moments!;
  const distance = async (values: Float32Array) => {
    const made = await run(open, values);
    return tf.tidy(() => momentDistance(tf.tensor(made, [10, 6, 6, 4]), wanted).dataSync()[0]!);
  };
  const before = await distance(real.get(unit.inputs[0]!)!);
  const after = await distance(moved);
  assert.ok(after < 0.7 * before, `from ${before} to ${after}`);
  assert.ok(Math.max(...moved.map((value, i) => Math.abs(value - real.get(unit.inputs[0]!)![i]!))) < 0.4);
});

test.run();
