/** The search of PTQ4ViT: the official loop's vectors with the given gradients, gradients by finite differences, a plan that gets better. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../src/calibration/index.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { planQuantization, refinePlan } from '../../src/quantization/index.js';
import { outputGradients } from '../../src/quantization/transformers/gradients.js';
import { errorsByChannel, factors, leastPerBlock, ProductErrors } from '../../src/quantization/transformers/product-errors.js';
import { initTensor, tf } from '../../src/tensor/index.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { newBuilder, origin, randomArray, randomNumbers } from '../support/float-graphs.js';

const test = suite('search of scales for the prediction');
test.before(async () => void (await initTensor()));

interface Case {
  readonly class: string;
  readonly bits: number;
  readonly n_V: number;
  readonly weight: readonly (readonly number[])[];
  readonly bias: readonly number[];
  readonly x: readonly (readonly number[])[];
  readonly grad: readonly (readonly number[])[];
  readonly w_interval_init: readonly number[];
  readonly a_interval_init: readonly number[];
  readonly w_best_candidate_index: readonly number[];
  readonly a_best_candidate_index: readonly number[];
  readonly a_interval: readonly number[];
}

function symmetric(value: tf.Tensor, step: tf.Tensor | number, bits: number): tf.Tensor {
  return tf.mul(tf.clipByValue(tf.round(tf.div(value, step)), -(2 ** (bits - 1)), 2 ** (bits - 1) - 1), step);
}

/** The official quantizer behind GELU: negatives at a fixed step, positives at the searched one. */
function behindGelu(value: tf.Tensor, step: number, bits: number): tf.Tensor {
  const half = 2 ** (bits - 1);
  const negative = 0.16997124254703522 / half;
  return tf.add(tf.mul(tf.clipByValue(tf.round(tf.div(value, step)), 0, half - 1), step), tf.mul(tf.clipByValue(tf.round(tf.div(value, negative)), -half, 0), negative));
}

/** The official loop on the product's helpers: three rounds, blocks of rows one by one, then the inputs. */
function searched(one: Case): { w: number[]; a: number } {
  const tried = factors(0.01, 1.2, 100);
  const quantizeInput = one.class.startsWith('PostGelu') ? behindGelu : symmetric;
  const rows = one.weight.length / one.n_V;
  const blockOf = (channel: number): number => Math.floor(channel / rows);
  const [x, w, b, g] = [tf.tensor2d(one.x as number[][]), tf.tensor2d(one.weight as number[][]), tf.tensor1d([...one.bias]), tf.tensor2d(one.grad as number[][])];
  const product = (input: tf.Tensor, weights: tf.Tensor): tf.Tensor => tf.add(tf.matMul(input as tf.Tensor2D, weights as tf.Tensor2D, false, true), b);
  const wanted = product(x, w);
  const weightsAt = (steps: readonly number[]): tf.Tensor => symmetric(w, tf.tensor2d(one.weight.map((_, o) => [steps[blockOf(o)]!])), one.bits);
  const errors = (input: tf.Tensor, weights: tf.Tensor) => errorsByChannel(product(input, weights), wanted, g).dataSync();
  let [steps, step] = [[...one.w_interval_init], one.a_interval_init[0]!];
  const best = { w: [] as number[], a: 0 };
  for (let round = 0; round < 3; round++) {
    const input = quantizeInput(x, step, one.bits);
    best.w = [...leastPerBlock(tried.map((f) => errors(input, weightsAt(one.w_interval_init.map((s) => s * f)))), blockOf, one.n_V)];
    steps = best.w.map((i, v) => tried[i]! * one.w_interval_init[v]!);
    const weights = weightsAt(steps);
    [best.a] = leastPerBlock(tried.map((f) => errors(quantizeInput(x, f * one.a_interval_init[0]!, one.bits), weights)), () => 0, 1) as [number];
    step = tried[best.a]! * one.a_interval_init[0]!;
  }
  return best;
}

test('the official loop finds the same factors for linear layers, plain and behind GELU', () => {
  const file = goldenFile('ptq4vit_search.json');
  if (!file) return leftOut(4, 'the vectors ptq4vit_search.json are absent');
  const all = (JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Case[] }).cases;
  const linear = all.filter((one) => one.class.endsWith('Linear'));
  assert.is(linear.length, 4);
  for (const one of linear) assert.equal(tf.tidy(() => searched(one)), { w: one.w_best_candidate_index, a: one.a_best_candidate_index[0] }, `${one.class} ${one.bits}`);
});

interface SplitCase {
  readonly class: string;
  readonly A_shape: number[];
  readonly V_shape: number[];
  readonly A: readonly number[];
  readonly V: readonly number[];
  readonly grad: readonly number[];
  readonly m: number;
  readonly B_interval: readonly number[];
}

/** Softmax and values in 8 bits: the split 2^-m beside real values, then a step a head of the values. `shares` quantizes the softmax. */
function searchedSplit(one: SplitCase, shares: (a: tf.Tensor, m: number) => tf.Tensor): { m: number; steps: readonly number[]; loss: number } {
  const tried = factors(0.01, 1.2, 100);
  const [a, v, g] = [tf.tensor([...one.A], one.A_shape), tf.tensor([...one.V], one.V_shape), tf.tensor([...one.grad], one.V_shape)];
  const heads = one.V_shape[1]!;
  const start = [...tf.max(tf.abs(v), [0, 2, 3]).dataSync()].map((most) => most / 127.5);
  const wanted = tf.matMul(a, v);
  // One head a channel, so that every head takes its own factor.
  const byHead = (left: tf.Tensor, right: tf.Tensor) => {
    const [product, real, gradient] = [tf.matMul(left, right), wanted, g].map((value) => tf.transpose(value, [0, 2, 3, 1])) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return errorsByChannel(product, real, gradient).dataSync();
  };
  const losses = Array.from({ length: 20 }, (_, i) => [...byHead(shares(a, i), v)].reduce((sum, e) => sum + e, 0));
  const m = losses.indexOf(Math.min(...losses));
  const left = shares(a, m);
  const errors = tried.map((factor) => byHead(left, symmetric(v, tf.tensor(start.map((s) => s * factor), [1, heads, 1, 1]), 8)));
  const best = leastPerBlock(errors, (head) => head, heads);
  return { m, steps: best.map((i, head) => tried[i]! * start[head]!), loss: best.reduce((sum, i, head) => sum + errors[i]![head]!, 0) };
}

/** The official quantizer: what both ranges make of every share, added. */
function bothRanges(a: tf.Tensor, m: number): tf.Tensor {
  const split = 2 ** -m;
  const high = tf.div(tf.round(tf.mul(tf.clipByValue(a, split, 1), 127)), 127);
  return tf.add(high, tf.mul(tf.round(tf.div(tf.clipByValue(a, 0, split), split / 127)), split / 127));
}

/** The paper's: the range that the share lies in. */
function oneRange(a: tf.Tensor, m: number): tf.Tensor {
  const high = tf.div(tf.round(tf.mul(a, 127)), 127);
  return tf.where(tf.greaterEqual(a, 2 ** -m), high, tf.mul(tf.round(tf.mul(a, 127 * 2 ** m)), 2 ** -m / 127));
}

test('the official loop finds the same split of a softmax and the same steps of its values; one range a share errs less', () => {
  const file = goldenFile('ptq4vit_search.json');
  if (!file) return leftOut(2, 'the vectors ptq4vit_search.json are absent');
  const splits = (JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly (Case | SplitCase)[] }).cases.filter((one): one is SplitCase => one.class === 'SoSPTQSLBatchingQuantMatMul');
  assert.is(splits.length, 2);
  for (const one of splits) {
    const found = (shares: typeof bothRanges) => {
      const engine = tf.engine();
      engine.startScope();
      const result = searchedSplit(one, shares);
      engine.endScope();
      return result;
    };
    const [official, paper] = [found(bothRanges), found(oneRange)];
    assert.is(official.m, one.m);
    one.B_interval.forEach((step, head) => assert.ok(Math.abs(official.steps[head]! - step) < 1e-6 * step, `head ${head}: ${official.steps[head]} is not ${step}`));
    assert.ok(paper.loss < 0.65 * official.loss, `${paper.loss} of ${official.loss}`);
  }
});

/** Two layers with GELU between, and an attention-like product of shares and values. */
function network(): FloatGraph {
  const b = newBuilder();
  const next = randomNumbers(9);
  const dense = (x: string, name: string, outputs: number, inputs: number): string =>
    b.apply('dense', [x, b.constant(`${name}/w`, [outputs, inputs], randomArray(outputs * inputs, next), origin(name)), b.constant(`${name}/b`, [outputs], randomArray(outputs, next), origin(name))], { activation: null }, origin(name), name);
  const x = b.input('x', [6, 8], 'float32');
  const shares = b.apply('softmax', [dense(x, 'scores', 6, 8)], { axis: 1, beta: 2 }, origin('shares'));
  const mixed = b.apply('matmul', [shares, dense(x, 'values', 8, 8)], { transposeA: false, transposeB: false }, origin('mixed'));
  const hidden = b.apply('unary', [dense(mixed, 'f1', 16, 8)], { function: 'gelu', alpha: 0, beta: 0 }, origin('gelu'));
  const out = b.apply('reshape', [dense(hidden, 'f2', 8, 16)], { shape: [48] }, origin('flat'));
  b.output('y', dense(out, 'fc', 5, 48));
  return b.build();
}

function samplesOf(count: number): SampleSet {
  return { count, inputs: new Map([['x', randomArray(count * 48, randomNumbers(21)).map((v) => 2 * v)]]), codes: new Map(), raw: new Map(), sha256: 'test' };
}

test('gradients of the last layer are the probabilities less the predicted class', async () => {
  const graph = network();
  const samples = samplesOf(11);
  const executor = await createExecutor(graph);
  const logits = (await executor.run(samples.inputs, samples.count)).get('fc')!;
  executor.dispose();
  const gradients = await outputGradients(graph, samples, ['f1', 'fc'], 0);
  assert.is(gradients.get('f1')!.length, 11 * 6 * 16);
  for (let s = 0; s < 11; s++) {
    const row = [...logits.subarray(5 * s, 5 * s + 5)];
    const total = row.reduce((sum, l) => sum + Math.exp(l), 0);
    row.forEach((l, c) => assert.ok(Math.abs(gradients.get('fc')![5 * s + c]! - (Math.exp(l) / total - (l === Math.max(...row) ? 1 : 0))) < 1e-5));
  }
  assert.ok(gradients.get('f1')!.some((g) => Math.abs(g) > 1e-4));
});

test('searched plans change the outputs of products less, in the metric of the search', async () => {
  const graph = network();
  const samples = samplesOf(24);
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const refined = async (method: string) => {
    const draft = planQuantization(graph, calibration, { method, bits: 'w4a4', seed: 0, widths: { edgeBits: 4 } });
    return { draft, plan: await refinePlan(draft, { graph, calibration, samples, seed: 0 }) };
  };
  const { draft, plan } = await refined('ptq4vit-search');
  const executor = await createExecutor(graph);
  const products = graph.nodes.filter((node) => node.op === 'dense' || node.op === 'matmul');
  const values = await executor.run(samples.inputs, samples.count, { keep: [...products.flatMap((node) => [node.inputs[0]!, node.outputs[0]!]), 'values'] });
  executor.dispose();
  const gradients = await outputGradients(graph, samples, products.map((node) => node.outputs[0]!), 0);
  const total = (chosen: typeof plan) =>
    products.reduce((sum, node) => {
      const errors = new ProductErrors(graph, node, { count: 24, values: new Map([...values, ['x', samples.inputs.get('x') as Float32Array]]), gradients });
      const error = errors.total(chosen);
      errors.dispose();
      return sum + error;
    }, 0);
  assert.ok(total(plan) < 0.9 * total(draft), `${total(plan)} of ${total(draft)}`);
  const { plan: twin } = await refined('ptq4vit');
  const twins = [...twin.activations].filter(([, activation]) => activation.twin);
  assert.equal(twins.map(([id, { twin: t }]) => [id, t!.bits, t!.split]), [['shares', 4, 7], ['gelu', 4, 0]]);
  for (const [, activation] of twins) assert.is(activation.bits, 4 + activation.twin!.shift);
});

test('arithmetics without a form for two ranges are refused', async () => {
  const graph = network();
  const samples = samplesOf(4);
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const draft = planQuantization(graph, calibration, { method: 'ptq4vit', bits: 'w8a8', seed: 0, arith: 'tflite' });
  try {
    await refinePlan(draft, { graph, calibration, samples, seed: 0 });
    assert.unreachable();
  } catch (error) {
    assert.match((error as Error).message, /ptq4vit has no form for --arith tflite/);
  }
});

test.run();
