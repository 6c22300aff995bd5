/** Methods that learn, on transformers: attention and MLP blocks are units, and what is learned brings coarse ones back. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, sqnrDb, type SampleSet } from '../../src/calibration/index.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { availableMethods, fakeQuantConstants, fakeQuantTransform, planQuantization, refinePlan } from '../../src/quantization/index.js';
import { findUnits } from '../../src/quantization/reconstruction/units.js';
import { newBuilder, origin, randomArray, randomNumbers } from '../support/float-graphs.js';

const test = suite('reconstruction of transformer blocks');
const [TOKENS, WIDTH, HEADS] = [6, 8, 2];
const SAMPLES = 48;

/** Two pre-norm blocks, attention of two heads and an MLP with GELU each, and a classifier. */
function encoder(): FloatGraph {
  const [b, next] = [newBuilder('encoder'), randomNumbers(31)];
  const dense = (x: string, name: string, outputs: number, inputs: number): string =>
    b.apply('dense', [x, b.constant(`${name}/w`, [outputs, inputs], randomArray(outputs * inputs, next).map((w) => w / 2), origin(name)), b.constant(`${name}/b`, [outputs], randomArray(outputs, next), origin(name))], { activation: null }, origin(name), name);
  const norm = (x: string, name: string): string =>
    b.apply('layer-norm', [x, b.constant(`${name}/g`, [WIDTH], randomArray(WIDTH, next).map((g) => 1 + g / 4)), b.constant(`${name}/o`, [WIDTH], randomArray(WIDTH, next))], { axis: 1, epsilon: 1e-5 }, origin(name));
  const heads = (x: string, name: string, permutation: readonly number[]): string =>
    b.apply('transpose', [b.apply('reshape', [dense(x, name, WIDTH, WIDTH)], { shape: [TOKENS, HEADS, WIDTH / HEADS] }, origin(name))], { permutation }, origin(name));
  let x = b.input('x', [TOKENS, WIDTH], 'float32');
  for (const block of ['a', 'b']) {
    const normal = norm(x, `${block}/n1`);
    const [q, k, v] = [heads(normal, `${block}/q`, [1, 0, 2]), heads(normal, `${block}/k`, [1, 2, 0]), heads(normal, `${block}/v`, [1, 0, 2])];
    const product = { transposeA: false, transposeB: false };
    const shares = b.apply('softmax', [b.apply('matmul', [q, k], product, origin(`${block}/scores`))], { axis: 2, beta: 1 }, origin(`${block}/shares`));
    const mixed = b.apply('transpose', [b.apply('matmul', [shares, v], product, origin(`${block}/mixed`))], { permutation: [1, 0, 2] }, origin(`${block}/back`));
    x = b.apply('add', [x, dense(b.apply('reshape', [mixed], { shape: [TOKENS, WIDTH] }, origin(`${block}/context`)), `${block}/o`, WIDTH, WIDTH)], { activation: null }, origin(`${block}/s1`));
    const hidden = b.apply('unary', [dense(norm(x, `${block}/n2`), `${block}/f1`, 2 * WIDTH, WIDTH)], { function: 'gelu', alpha: 0, beta: 0 }, origin(`${block}/gelu`));
    x = b.apply('add', [x, dense(hidden, `${block}/f2`, WIDTH, 2 * WIDTH)], { activation: null }, origin(`${block}/s2`));
  }
  b.output('y', dense(b.apply('reshape', [x], { shape: [TOKENS * WIDTH] }, origin('flat')), 'head', 5, TOKENS * WIDTH));
  return b.build();
}

/** Tokens of two hidden numbers each: channels depend on one another, as in a trained network, so that roundings can make up for one another. */
function samplesOf(seed: number): SampleSet {
  const [next, mix] = [randomNumbers(seed), randomArray(2 * WIDTH, randomNumbers(7))];
  const x = new Float32Array(SAMPLES * TOKENS * WIDTH);
  for (let first = 0; first < x.length; first += WIDTH) {
    const [p, q] = [2 * next(), 2 * next()];
    for (let c = 0; c < WIDTH; c++) x[first + c] = p * mix[c]! + q * mix[WIDTH + c]! + next() / 10;
  }
  return { count: SAMPLES, inputs: new Map([['x', x]]), codes: new Map(), raw: new Map(), sha256: 'test' };
}

test('units are attention blocks, MLP blocks and the classifier', () => {
  const units = findUnits(encoder(), 'block');
  assert.equal(units.map(({ name }) => name), ['a/o', 'a/f2', 'b/o', 'b/f2', 'head']);
  assert.equal(units.map(({ nodes }) => nodes.filter(({ op }) => op === 'dense').length), [4, 2, 4, 2, 1]);
  assert.ok(units.every(({ outputs }) => outputs.length === 1));
});

test('every method that learns brings blocks of few bits nearer to float on samples that it has not seen', async () => {
  const [graph, samples, others] = [encoder(), samplesOf(21), samplesOf(22)];
  const calibration = await calibrate(graph, samples, { observer: 'mse', bits: 8 });
  const executor = await createExecutor(graph);
  try {
    const real = (await executor.run(others.inputs, SAMPLES)).get('head')!;
    const noise = async (method: string): Promise<number> => {
      const plan = await refinePlan(planQuantization(graph, calibration, { method, bits: 'w3a8', seed: 0, widths: { edgeBits: 3 } }), { graph, calibration, samples, seed: 0, iterations: 60 });
      return sqnrDb(real, (await executor.run(others.inputs, SAMPLES, { transform: fakeQuantTransform(plan), constants: fakeQuantConstants(graph, plan) })).get('head')!);
    };
    const nearest = await noise('nearest');
    for (const { name, isCorrected } of availableMethods()) {
      if (isCorrected) continue;
      const learned = await noise(name);
      assert.ok(learned > nearest + 0.5, `${name}: ${learned.toFixed(1)} dB, nearest codes ${nearest.toFixed(1)} dB`);
    }
  } finally {
    executor.dispose();
  }
});

test.run();
