/** The reconstruction engine: gradients in closed form, units of a graph, and that methods bring a coarse network back. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, sqnrDb, type CalibrationTable, type SampleSet } from '../../src/calibration/index.js';
import { CalibrationError } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { availableMethods, fakeQuantConstants, fakeQuantTransform, planQuantization, refinePlan, type MethodContext } from '../../src/quantization/index.js';
import { stepGradients } from '../../src/quantization/reconstruction/activations.js';
import { fileCheckpoint } from '../../src/quantization/reconstruction/checkpoint.js';
import { elementWiseDivision } from '../../src/quantization/reconstruction/element-wise-division.js';
import { softRounding } from '../../src/quantization/reconstruction/soft-rounding.js';
import { findUnits } from '../../src/quantization/reconstruction/units.js';
import type { LayerWeights } from '../../src/quantization/reconstruction/weights.js';
import { weightPlan } from '../../src/quantization/scales.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('reconstruction');

/** Below 4 bits the middle channel's codes are flipped. */
function layer(bits: number): LayerWeights {
  const random = new Random(bits);
  const shape = [3, 2, 2, 4];
  const values = Float32Array.from({ length: 48 }, () => random.next() - 0.5);
  const plan = weightPlan(values, shape, 0, bits, { search: 'mse' });
  if (bits > 3) return { values, shape, plan };
  const [least, most] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const scale = plan.scale.map((s, c) => (c === 1 ? -s : s));
  return { values, shape, plan: { ...plan, scale, codes: Int8Array.from(values, (w, i) => Math.max(least, Math.min(most, Math.sign(w / scale[Math.floor(i / 16)]!) * Math.round(Math.abs(w / scale[Math.floor(i / 16)]!))))) } };
}

function randomValues(length: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length }, () => 2 * random.next() - 1);
}

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
const near = (a: number, b: number, what: string): void => assert.ok(Math.abs(a - b) <= 2e-3 * (1 + Math.abs(b)), `${what}: ${a}, measured ${b}`);

test('AdaRound: gradient of loss and regularizer, start at the real weights, hard end', () => {
  for (const bits of [2, 4]) {
    const own = layer(bits);
    const learner = softRounding(own);
    const upstream = randomValues(48, 1);
    const moment = { progress: 0.7, iterations: 100 };
    const gradient = learner.variableGradient(upstream, moment);
    const loss = () => dot(learner.values(), upstream) + learner.regularizer(moment);
    for (let i = 0; i < 48; i++) {
      const before = learner.alpha[i]!;
      const at = (value: number) => {
        learner.alpha[i] = value;
        return loss();
      };
      const measured = (at(before + 1e-2) - at(before - 1e-2)) / 2e-2;
      learner.alpha[i] = before;
      near(gradient[i]!, measured, `${bits} bits, variable ${i}`);
    }
    const { codes, scale } = learner.finish();
    codes.forEach((code, i) => assert.ok(Math.abs(code - own.values[i]! / scale[Math.floor(i / 16)]!) <= 1 || Math.abs(code) >= 2 ** (bits - 1) - 1));
  }
});

test('FlexRound: gradients of the four divisors, start at nearest rounding', () => {
  for (const bits of [2, 4, 8]) {
    const own = layer(bits);
    const learner = elementWiseDivision(own);
    assert.equal([...learner.finish().codes], [...own.plan.codes]);
    const upstream = randomValues(48, 2);
    const gradients = learner.gradients(upstream);
    // What rounding adds stays what it is: the function whose gradient passes straight through.
    const most = 2 ** (bits - 1) - 1;
    const least = bits < 8 ? -most - 1 : -most;
    const signs = own.plan.scale.map(Math.sign);
    const position = (i: number) => (signs[Math.floor(i / 16)]! * own.values[i]!) / Math.exp(learner.grid[Math.floor(i / 16)]! + learner.weight[i]! + learner.output[Math.floor(i / 16)]! + learner.input[i % 4]!);
    const start = Array.from(own.values, (_, i) => position(i));
    const rounded = start.map((u) => Math.sign(u) * Math.round(Math.abs(u)));
    const loss = () => dot(start.map((u, i) => signs[Math.floor(i / 16)]! * Math.exp(learner.grid[Math.floor(i / 16)]!) * (rounded[i]! < least ? least : rounded[i]! > most ? most : position(i) + rounded[i]! - u)), upstream);
    for (const name of ['grid', 'weight', 'output', 'input'] as const) {
      learner[name].forEach((before, i) => {
        const at = (value: number) => {
          learner[name][i] = value;
          return loss();
        };
        const measured = (at(before + 1e-3) - at(before - 1e-3)) / 2e-3;
        learner[name][i] = before;
        near(gradients[name][i]!, measured, `${bits} bits, ${name} ${i}`);
      });
    }
  }
});

test('activation steps: gradients of value and step, dropped elements pass', () => {
  const real = randomValues(200, 3).map((v) => 3 * v);
  const upstream = randomValues(200, 4);
  const keep = Uint8Array.from(real, (_, i) => (i % 3 === 0 ? 0 : 1));
  const interval = { least: -3, most: 4 };
  const size = 0.37;
  const { input, step } = stepGradients(real, size, interval, keep, upstream);
  const codes = Array.from(real, (value) => Math.floor(value / size + 0.5));
  const offsets = Array.from(real, (value, i) => codes[i]! - value / size);
  const quantized = (value: number, s: number, i: number) => (!keep[i] ? value : s * (codes[i]! < -3 ? -3 : codes[i]! > 4 ? 4 : value / s + offsets[i]!));
  const loss = (s: number) => dot(Array.from(real, (value, i) => quantized(value, s, i)), upstream);
  near(step, (loss(size + 1e-4) - loss(size - 1e-4)) / 2e-4, 'step');
  real.forEach((value, i) => near(input[i]!, (upstream[i]! * (quantized(value + 1e-3, size, i) - quantized(value - 1e-3, size, i))) / 2e-3, `value ${i}`));
});

const ORIGIN = (nodeName: string) => ({ file: 'block.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };

/** stem → (c1 → c2) + shortcut → pool → classifier. */
function residualNetwork(): FloatGraph {
  const b = new FloatGraphBuilder('residual', { file: 'block.onnx', format: 'builder', sha256: '0' });
  const convolution = (name: string, x: string, from: number, to: number, activation: typeof RELU | null) => {
    const constants = [b.constant(`${name}/w`, [to, 3, 3, from], randomValues(to * 9 * from, name.length + to).map((v) => v / Math.sqrt(from))), b.constant(`${name}/b`, [to], randomValues(to, 7).map((v) => v / 4))];
    return b.apply('conv2d', [x, ...constants], { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation }, ORIGIN(name), name);
  };
  const x = b.input('x', [6, 6, 3], 'float32');
  const stem = convolution('stem', x, 3, 8, RELU);
  const inner = convolution('c2', convolution('c1', stem, 8, 8, RELU), 8, 8, null);
  const sum = b.apply('add', [inner, stem], { activation: RELU }, ORIGIN('sum'), 'sum');
  const pool = b.apply('average-pool2d', [sum], { kernel: [6, 6], strides: [6, 6], pad: [0, 0, 0, 0], countIncludePad: false, activation: null }, ORIGIN('pool'), 'pool');
  const flat = b.apply('reshape', [pool], { shape: [8] }, ORIGIN('flat'), 'flat');
  b.output('y', b.apply('dense', [flat, b.constant('fc/w', [5, 8], randomValues(40, 9)), b.constant('fc/b', [5], randomValues(5, 10))], { activation: null }, ORIGIN('fc'), 'fc'));
  return b.build();
}

test('units: residual blocks whole, silent nodes with the layer behind them', () => {
  const graph = residualNetwork();
  const names = (granularity: 'block' | 'layer') => findUnits(graph, granularity).map(({ nodes, inputs, outputs }) => `${inputs} → ${nodes.map((n) => n.outputs[0])} → ${outputs}`);
  assert.equal(names('block'), ['x → stem → stem', 'stem → c1,c2,sum → sum', 'sum → pool,flat,fc → fc']);
  assert.equal(names('layer'), ['x → stem → stem', 'stem → c1 → c1', 'c1 → c2 → c2', 'sum → pool,flat,fc → fc']);
});

const SAMPLES = 64;
const samples: SampleSet = { count: SAMPLES, inputs: new Map([['x', randomValues(SAMPLES * 108, 20)]]), codes: new Map(), raw: new Map(), sha256: '1' };

async function outputNoise(graph: FloatGraph, calibration: CalibrationTable, method: string, more: Partial<MethodContext> = {}): Promise<number> {
  const draft = planQuantization(graph, calibration, { method, bits: 'w3a4', seed: 0 });
  const plan = await refinePlan(draft, { graph, calibration, samples, seed: 0, iterations: 80, ...more });
  const executor = await createExecutor(graph);
  const output = async (options: object) => (await executor.run(samples.inputs, SAMPLES, options)).get('fc')!;
  const noise = sqnrDb(await output({}), await output({ transform: fakeQuantTransform(plan), constants: fakeQuantConstants(graph, plan) }));
  executor.dispose();
  return noise;
}

test('every method that learns brings a network of few bits nearer to float, and says how far it is', async () => {
  const graph = residualNetwork();
  const calibration = await calibrate(graph, samples, { observer: 'mse', bits: 8 });
  const before = await outputNoise(graph, calibration, 'nearest');
  for (const { name } of availableMethods().filter((method) => !method.isCorrected)) {
    const notes: string[] = [];
    const after = await outputNoise(graph, calibration, name, { note: (text) => notes.push(text) });
    assert.ok(after > before, `${name}: ${after} dB, nearest ${before} dB`);
    assert.ok(notes.some((note) => /iteration \d+ of \d+, loss .* left/.test(note)) && notes.some((note) => /done: loss/.test(note)), notes.join('\n'));
  }
});

test('the same seed gives the same plan, and a stored unit is not learned again', async () => {
  const graph = residualNetwork();
  const calibration = await calibrate(graph, samples, { observer: 'mse', bits: 8 });
  const draft = planQuantization(graph, calibration, { method: 'qdrop', bits: 'w3a4', seed: 0 });
  const path = join(mkdtempSync(join(tmpdir(), 'ptq-gen-')), 'units.json');
  const run = async (resume: boolean | null) => {
    let iterations = 0;
    const checkpoint = resume === null ? {} : { checkpoint: fileCheckpoint(path, 'key', resume) };
    const plan = await refinePlan(draft, { graph, calibration, samples, seed: 0, iterations: 40, note: (text) => (iterations += /iteration/.test(text) ? 1 : 0), ...checkpoint });
    return { codes: [...plan.weights.values()].map((w) => [...w.codes]), scales: [...plan.activations.values()].map((a) => a.scale), iterations };
  };
  const first = await run(null);
  const stored = await run(false);
  const resumed = await run(true);
  assert.equal(stored, first);
  assert.is(resumed.iterations, 0);
  assert.equal({ ...resumed, iterations: 0 }, { ...first, iterations: 0 });
});

test('without samples it says what it needs', async () => {
  const graph = residualNetwork();
  const calibration = await calibrate(graph, samples, { observer: 'mse', bits: 8 });
  const draft = planQuantization(graph, calibration, { method: 'brecq', bits: 'w4a8', seed: 0 });
  try {
    await refinePlan(draft, { graph, calibration, samples: null, seed: 0 });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, CalibrationError);
  }
});

test.run();
