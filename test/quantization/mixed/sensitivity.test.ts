/** Traces against exact Hessians, measured sensitivities against the definition, joined layers, and what budgets may say. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../../src/calibration/index.js';
import { UsageError } from '../../../src/errors.js';
import { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { FloatGraph } from '../../../src/graph/float.js';
import { fakeQuantConstants, planQuantization } from '../../../src/quantization/index.js';
import { blockSensitivities, layerWidthsOf, limitOf, mixedBlocks, nearestWidth, parseBudgets } from '../../../src/quantization/mixed/index.js';
import { divergence } from '../../../src/quantization/mixed/divergence.js';
import { averageTrace } from '../../../src/quantization/mixed/trace.js';
import { Random } from '../../support/integer-graphs.js';

const test = suite('quantization/mixed/sensitivity');
const DEPTH = 5;
const CLASSES = 4;
const SAMPLES = 24;

const origin = (nodeName: string) => ({ file: 'net.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });
const values = (random: Random, length: number, scale = 1) => Float32Array.from({ length }, () => (random.next() - 0.5) * scale);

function samplesOf(length: number): SampleSet {
  return { count: SAMPLES, inputs: new Map([['x', values(new Random(3), SAMPLES * length, 4)]]), codes: new Map(), raw: new Map(), sha256: '0' };
}

test('trace of a quadratic: exact without mixed terms, the mean of the diagonal with them', async () => {
  const random = new Random(1);
  const size = 12;
  const factor = Array.from({ length: size }, () => values(random, size));
  const entry = (i: number, j: number) => factor.reduce((sum, row) => sum + row[i]! * row[j]!, 0);
  const start = values(random, size);
  const loss = (full: boolean) => (w: Float32Array) => {
    let sum = 0;
    for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) if (full || i === j) sum += 0.5 * entry(i, j) * (w[i]! - start[i]!) * (w[j]! - start[j]!);
    return Promise.resolve(sum);
  };
  const exact = Array.from({ length: size }, (_, i) => entry(i, i)).reduce((a, b) => a + b) / size;
  const diagonal = await averageTrace(start, loss(false), { probes: 1, seed: 5 });
  const full = await averageTrace(start, loss(true), { probes: 600, seed: 5 });
  assert.ok(Math.abs(diagonal / exact - 1) < 1e-3, `${diagonal} of ${exact}`);
  assert.ok(Math.abs(full / exact - 1) < 0.1, `${full} of ${exact}`);
  assert.is(await averageTrace(start, loss(true), { probes: 3, seed: 5 }), await averageTrace(start, loss(true), { probes: 3, seed: 5 }));
  assert.is.not(await averageTrace(start, loss(true), { probes: 3, seed: 5 }), await averageTrace(start, loss(true), { probes: 3, seed: 6 }));
});

function classifier(): FloatGraph {
  const random = new Random(2);
  const b = new FloatGraphBuilder('one layer', { file: 'net.onnx', format: 'builder', sha256: '0' });
  const x = b.input('x', [DEPTH], 'float32');
  const logits = b.apply('dense', [x, b.constant('w', [CLASSES, DEPTH], values(random, CLASSES * DEPTH, 2)), b.constant('b', [CLASSES], values(random, CLASSES))], { activation: null }, origin('fc'), 'fc');
  b.output('y', b.apply('softmax', [logits], { axis: -1, beta: 1 }, origin('softmax'), 'softmax'));
  return b.build();
}

/** Of the divergence at the float weights: E[(diag(p) - pp') x xx'], of which the mean of the diagonal is returned. */
async function exactTrace(graph: FloatGraph, samples: SampleSet): Promise<number> {
  const executor = await createExecutor(graph);
  const p = (await executor.run(samples.inputs, SAMPLES)).get('softmax')!;
  executor.dispose();
  const x = samples.inputs.get('x') as Float32Array;
  let sum = 0;
  for (let s = 0; s < SAMPLES; s++) {
    const energy = x.subarray(s * DEPTH, (s + 1) * DEPTH).reduce((n, v) => n + v * v, 0);
    for (let c = 0; c < CLASSES; c++) sum += p[s * CLASSES + c]! * (1 - p[s * CLASSES + c]!) * energy;
  }
  return sum / SAMPLES / (CLASSES * DEPTH);
}

test('a classifier of one layer: its trace, its measured divergence, the same numbers again', async () => {
  const graph = classifier();
  const samples = samplesOf(DEPTH);
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const blocks = mixedBlocks(graph, { both: false, arith: 'dyadic', edgeBits: 2 });
  const plans = new Map([2, 3, 4, 5, 6, 7, 8].map((bits) => [bits, planQuantization(graph, calibration, { method: 'nearest', bits: 'w8a8', seed: 0, widths: { layers: layerWidthsOf(blocks, [bits]) } })] as const));
  const measure = () => blockSensitivities(blocks, { graph, samples, kind: 'prediction', plans, corrected: false, seed: 0 });
  const [found] = await measure();
  const exact = await exactTrace(graph, samples);
  assert.ok(Math.abs(found!.traces[0]! / exact - 1) < 0.35, `8 probes: ${found!.traces[0]} of ${exact}`);
  const executor = await createExecutor(graph);
  const logits = (await executor.run(samples.inputs, SAMPLES, { keep: ['fc'] })).get('fc')!;
  for (const [bits, plan] of plans) {
    const constants = new Map([...fakeQuantConstants(graph, plan)].filter(([id]) => id === 'w'));
    const quantized = (await executor.run(samples.inputs, SAMPLES, { keep: ['fc'], constants })).get('fc')!;
    assert.ok(Math.abs(found!.measured.get(bits)! - divergence('prediction', logits, quantized, CLASSES)) < 1e-9);
  }
  executor.dispose();
  // The second-order estimate comes close where the change is small, and both fall with the width.
  for (const bits of [2, 4, 6]) assert.ok(found!.measured.get(bits)! > found!.measured.get(bits + 2)! && found!.hessian.get(bits)! > found!.hessian.get(bits + 2)!);
  assert.ok(found!.hessian.get(6)! / found!.measured.get(6)! > 0.2 && found!.hessian.get(6)! / found!.measured.get(6)! < 5);
  assert.equal(await measure(), [found]);
});

test('divergence: a hand-computed value, 0 for equal predictions, squared error elsewhere', () => {
  const wanted = Float32Array.of(0, Math.log(3));
  const actual = Float32Array.of(Math.log(1), Math.log(1));
  assert.ok(Math.abs(divergence('prediction', wanted, actual, 2) - (0.25 * Math.log(0.5) + 0.75 * Math.log(1.5))) < 1e-6);
  assert.is(divergence('prediction', wanted, wanted, 2), 0);
  assert.is(divergence('error', Float32Array.of(3, 4), Float32Array.of(3, 5), 2), 1 / 25);
});

/** stem, then a residual block with a convolution in its shortcut, then a dense layer. */
function residual(): FloatGraph {
  const random = new Random(9);
  const b = new FloatGraphBuilder('residual', { file: 'net.onnx', format: 'builder', sha256: '0' });
  const attributes = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], groups: 1, activation: { min: 0, max: Number.POSITIVE_INFINITY } };
  const conv = (name: string, x: string, inputs: number) => b.apply('conv2d', [x, b.constant(`${name}.w`, [4, 1, 1, inputs], values(random, 4 * inputs)), b.constant(`${name}.b`, [4], values(random, 4))], attributes, origin(name), name);
  const stem = conv('stem', b.input('x', [3, 3, 2], 'float32'), 2);
  const main = conv('main2', conv('main1', stem, 4), 4);
  const sum = b.apply('add', [main, conv('shortcut', stem, 4)], { activation: null }, origin('add'), 'add');
  const flat = b.apply('reshape', [sum], { shape: [36] }, origin('flat'), 'flat');
  b.output('y', b.apply('dense', [flat, b.constant('fc.w', [4, 36], values(random, 144))], { activation: null }, origin('fc'), 'fc'));
  return b.build();
}

test('layers that read one activation share a width only where activations have widths of their own', () => {
  const graph = residual();
  const names = (both: boolean, layers: Record<string, string> = {}) => mixedBlocks(graph, { both, arith: 'dyadic', layers }).map((block) => `${block.layers.map(({ name }) => name).join('+')} ${block.widths.join('')}`);
  assert.equal(names(false), ['stem 8', 'main1 2345678', 'main2 2345678', 'shortcut 2345678', 'fc 8']);
  assert.equal(names(true), ['stem 8', 'main1+shortcut 2345678', 'main2 2345678', 'fc 8']);
  assert.equal(names(true, { shortcut: 'w5a8' }), ['stem 8', 'main1 2345678', 'main2 2345678', 'shortcut 5', 'fc 8']);
  const blocks = mixedBlocks(graph, { both: true, arith: 'dyadic' });
  assert.equal(layerWidthsOf(blocks, [8, 3, 4, 8]), { stem: 'w8a8', main1: 'w3a3', shortcut: 'w3a3', main2: 'w4a4', fc: 'w8a8' });
  assert.equal([2, 5, 9].map((bits) => nearestWidth(blocks[1]!, bits)), [2, 5, 8]);
  assert.is(nearestWidth(blocks[0]!, 2), 8);
});

test('a joined block is measured with its activations quantized too', async () => {
  const graph = residual();
  const samples = samplesOf(18);
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const sensitivity = async (both: boolean) => {
    const blocks = mixedBlocks(graph, { both, arith: 'dyadic' });
    const plans = new Map([2, 3, 4, 5, 6, 7, 8].map((bits) => [bits, planQuantization(graph, calibration, { method: 'nearest', bits: 'w8a8', seed: 0, widths: { layers: layerWidthsOf(blocks, blocks.map((block) => nearestWidth(block, bits))) } })] as const));
    return blockSensitivities(blocks, { graph, samples, kind: 'error', plans, corrected: true, seed: 0 });
  };
  const [alone, both] = [await sensitivity(false), await sensitivity(true)];
  assert.is(alone.length, 5);
  assert.is(both.length, 4);
  assert.is(both[1]!.traces.length, 2);
  const weightsAlone = alone[1]!.measured.get(3)! + alone[3]!.measured.get(3)!;
  assert.ok(both[1]!.measured.get(3)! > weightsAlone, `${both[1]!.measured.get(3)} with activations, ${weightsAlone} without`);
});

test('budgets: units, shares, and what is refused', () => {
  const wide = { size: 1000, ram: 2000, instructions: 3000 };
  const limit = (text: string) => parseBudgets(text).map((budget) => `${budget.resource} ${limitOf(budget, wide)}`).join(', ');
  assert.is(limit('size=46416'), 'size 46416');
  assert.is(limit('size=60%'), 'size 600');
  assert.is(limit('ram=40KiB, instructions=9.5M'), 'ram 40960, instructions 9500000');
  for (const bad of ['size', 'flash=3', 'size=-1', 'size=0', 'size=1,size=2', '']) {
    assert.throws(() => parseBudgets(bad), (error: unknown) => error instanceof UsageError && /size=60%/.test(error.hint!), bad);
  }
});

test.run();
