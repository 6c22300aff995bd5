/** A whole network under the arithmetic 'shift': plans, lowering, firmware, the choice of terms and learned rounding. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../../sim/index.js';
import { calibrate, createExecutor, type CalibrationTable, type SampleSet } from '../../../src/calibration/index.js';
import { UnsupportedOperatorError, UsageError } from '../../../src/errors.js';
import { FloatGraphBuilder } from '../../../src/graph/builder.js';
import type { FloatGraph } from '../../../src/graph/float.js';
import { integerTensor, type Codes, type IntegerGraph } from '../../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../../src/graph/verify.js';
import { chooseTerms, lowerGraph, planQuantization, refinePlan, type TermsOf } from '../../../src/quantization/index.js';
import { encodeSamples, realValues, sampleAt } from '../../../src/simulation/encode.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';

const test = suite('shift networks');
const SAMPLES = 32;
const RELU = { min: 0, max: Number.POSITIVE_INFINITY };

const origin = (nodeName: string) => ({ file: 'n.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });

/** `faint`: what the third layer adds to the sum hardly shows. */
function network(faint = false): FloatGraph {
  const random = new Random(21);
  const values = (length: number, scale: number) => Float32Array.from({ length }, () => (random.next() - 0.5) * scale);
  const b = new FloatGraphBuilder('network', { file: 'n.onnx', format: 'builder', sha256: '0' });
  const window = (pad: number, stride = 1) => ({ strides: [stride, stride], dilations: [1, 1], pad: [pad, pad, pad, pad], groups: 1, activation: RELU });
  const constant = (name: string, shape: readonly number[], scale: number) => b.constant(name, shape, values(shape.reduce((n, d) => n * d, 1), scale));
  const x = b.input('x', [9, 7, 3], 'float32');
  const first = b.apply('conv2d', [x, constant('w1', [8, 3, 3, 3], 1), constant('b1', [8], 1)], window(1), origin('first'), 'first');
  const { groups: _none, ...depthwise } = window(1);
  const second = b.apply('depthwise-conv2d', [first, constant('w2', [3, 3, 8, 1], 1), constant('b2', [8], 1)], depthwise, origin('second'), 'second');
  const third = b.apply('conv2d', [second, constant('w3', [8, 1, 1, 8], faint ? 0.01 : 1), constant('b3', [8], 1)], window(0), origin('third'), 'third');
  const sum = b.apply('add', [third, first], { activation: null }, origin('sum'), 'sum');
  const pool = b.apply('average-pool2d', [sum], { kernel: [9, 7], strides: [1, 1], pad: [0, 0, 0, 0], countIncludePad: false, activation: null }, origin('pool'), 'pool');
  const flat = b.apply('reshape', [pool], { shape: [8] }, origin('flat'), 'flat');
  const head = b.apply('dense', [flat, constant('w4', [5, 8], 4), constant('b4', [5], 1)], { activation: null }, origin('head'), 'head');
  b.output('y', b.apply('softmax', [head], { axis: 0, beta: 1 }, origin('soft'), 'soft'));
  return b.build();
}

function samplesOf(): SampleSet {
  const random = new Random(22);
  return { count: SAMPLES, inputs: new Map([['x', Float32Array.from({ length: SAMPLES * 189 }, () => 2 * random.next() - 0.7)]]), codes: new Map(), raw: new Map(), sha256: '0' };
}

interface Quantized {
  readonly graph: IntegerGraph;
  /** Of the logits against the float network, in dB. */
  readonly ratio: number;
}

const options = { arith: 'shift' as const, method: 'nearest', bits: 'w8a8', seed: 0 };

async function quantized(graph: FloatGraph, calibration: CalibrationTable, samples: SampleSet, terms: TermsOf, method = 'nearest', iterations?: number): Promise<Quantized> {
  const draft = planQuantization(graph, calibration, { ...options, method, terms });
  const plan = await refinePlan(draft, { graph, calibration, samples, seed: 0, ...(iterations !== undefined && { iterations }) });
  const lowered = lowerGraph(graph, plan);
  verifyIntegerGraph(lowered);
  const executor = await createExecutor(graph);
  const real = (await executor.run(samples.inputs, samples.count, { keep: ['head'] })).get('head')!;
  executor.dispose();
  const codes = encodeSamples(lowered, samples);
  const simulator = createSimulator(lowered);
  let [energy, noise] = [0, 0];
  for (let i = 0; i < samples.count; i++) {
    const head = realValues(integerTensor(lowered, 'head'), simulator.tensors(sampleAt(lowered, codes, i)).get('head') as Codes);
    head.forEach((value, k) => {
      energy += real[5 * i + k]! ** 2;
      noise += (value - real[5 * i + k]!) ** 2;
    });
  }
  return { graph: lowered, ratio: 10 * Math.log10(energy / noise) };
}

test('more terms are nearer to the float network, and the firmware is the simulator', async () => {
  const graph = network();
  const samples = samplesOf();
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const [one, two] = [await quantized(graph, calibration, samples, () => 1), await quantized(graph, calibration, samples, () => 2)];
  assert.ok(one.ratio > 8 && two.ratio > one.ratio + 8, `${one.ratio} and ${two.ratio} dB`);
  for (const { graph: integer } of [one, two]) {
    const { steps } = buildSchedule(integer, findTarget('cortex-m7'), DEFAULT_SCHEDULE_OPTIONS);
    assert.ok(steps.every(({ kernel }) => kernel.family === 'shift' || kernel.family === 'portable'));
    assert.ok(integer.nodes.every(({ requantize }) => !requantize || ['shift', 'csd'].includes(requantize.mode)));
    for (const node of integer.nodes.filter((n) => n.op.includes('conv') || n.op === 'dense')) assert.is(integerTensor(integer, node.inputs[1]!).constant!.encoding.kind, 'shift');
  }
  const inputs = [0, 1, 2].map((i) => sampleAt(two.graph, encodeSamples(two.graph, samples), i));
  await expectFirmwareMatchesSimulator([{ name: 'one', graph: one.graph, inputs }, { name: 'two', graph: two.graph, inputs }], ['host', 'rv32ec']);
  await expectFirmwareMatchesSimulator([{ name: 'little memory', graph: two.graph, inputs }], ['host'], { optimize: 'ram' });
});

test('--terms auto leaves one term where it costs nothing', async () => {
  const graph = network(true);
  const samples = samplesOf();
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const termsOf = await chooseTerms({ graph, samples, plan: (terms) => planQuantization(graph, calibration, { ...options, terms }) });
  const chosen = new Map(graph.nodes.map((node) => [node.origin.nodeName, termsOf(node)]));
  assert.is(chosen.get('third'), 1);
  assert.ok([...chosen.values()].includes(2), JSON.stringify([...chosen]));
  const [auto, two] = [await quantized(graph, calibration, samples, termsOf), await quantized(graph, calibration, samples, () => 2)];
  assert.ok(auto.ratio > two.ratio - 3, `${auto.ratio} beside ${two.ratio} dB`);
});

test('rounding learned on the grid of powers of two brings the outputs nearer', async () => {
  const graph = network();
  const samples = samplesOf();
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const nearest = await quantized(graph, calibration, samples, () => 1);
  const learned = await quantized(graph, calibration, samples, () => 1, 'flexround', 150);
  assert.ok(learned.ratio > nearest.ratio + 3, `${nearest.ratio} → ${learned.ratio} dB`);
});

test('learning keeps the steps of coarse activations, so that one shift remains', async () => {
  const graph = network();
  const samples = samplesOf();
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const draft = planQuantization(graph, calibration, { ...options, method: 'flexround', bits: 'w4a4', widths: { edgeBits: 4 } });
  const integer = lowerGraph(graph, await refinePlan(draft, { graph, calibration, samples, seed: 0, iterations: 10 }));
  assert.ok(buildSchedule(integer, findTarget('host'), DEFAULT_SCHEDULE_OPTIONS).steps.length > 0);
  for (const node of integer.nodes.filter((n) => n.op.includes('conv'))) assert.is(node.requantize!.mode, 'shift');
});

test('what cannot do without multiplication is named', async () => {
  const b = new FloatGraphBuilder('product', { file: 'n.onnx', format: 'builder', sha256: '0' });
  const x = b.input('x', [4, 4, 2], 'float32');
  b.output('y', b.apply('matmul', [x, x], { transposeA: false, transposeB: true }, origin('square'), 'square'));
  const graph = b.build();
  const samples = { ...samplesOf(), inputs: new Map([['x', new Float32Array(SAMPLES * 32).map((_, i) => (i % 9) - 4)]]) };
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const integer = lowerGraph(graph, planQuantization(graph, calibration, options));
  assert.equal(buildSchedule(integer, findTarget('host'), DEFAULT_SCHEDULE_OPTIONS).steps.map(({ kernel }) => kernel.family), ['shift']);
  const dyadic = lowerGraph(graph, planQuantization(graph, calibration, { ...options, arith: 'dyadic' }));
  const claimed = { ...dyadic, provenance: { ...dyadic.provenance, arith: 'shift' } };
  assert.throws(() => buildSchedule(claimed, findTarget('host'), DEFAULT_SCHEDULE_OPTIONS), (error: Error) => error instanceof UnsupportedOperatorError && error.message.includes('square'));
  assert.throws(() => buildSchedule(integer, findTarget('host'), { ...DEFAULT_SCHEDULE_OPTIONS, kernels: 'portable' }), (error: Error) => error instanceof UsageError);
  assert.throws(() => planQuantization(graph, calibration, { ...options, arith: 'dyadic', terms: () => 2 }), (error: Error) => error instanceof UsageError);
});

test.run();
