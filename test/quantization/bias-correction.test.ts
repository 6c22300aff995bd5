/** Bias correction takes back the shift of the means that coarse weights cause; fake quantization follows its codes. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../src/calibration/index.js';
import { CalibrationError } from '../../src/errors.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph } from '../../src/graph/float.js';
import type { QuantizationPlan } from '../../src/operators/lower.js';
import { fakeQuantConstants, fakeQuantTransform, planQuantization, refinePlan } from '../../src/quantization/index.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('bias correction');
const SAMPLES = 48;
const CHANNELS = 6;

/** conv with ReLU, then conv, on inputs that are all positive: coarse weights shift every mean. */
function network(): FloatGraph {
  const random = new Random(11);
  const values = (length: number, scale: number) => Float32Array.from({ length }, () => (random.next() - 0.5) * scale);
  const b = new FloatGraphBuilder('two layers', { file: 'two.onnx', format: 'builder', sha256: '0' });
  const origin = (nodeName: string) => ({ file: 'two.onnx', format: 'builder' as const, nodeName, opType: 'Conv' });
  const attributes = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], groups: 1 };
  const x = b.input('x', [6, 6, 3], 'float32');
  const first = b.apply('conv2d', [x, b.constant('w1', [CHANNELS, 3, 3, 3], values(CHANNELS * 27, 1)), b.constant('b1', [CHANNELS], values(CHANNELS, 1))], { ...attributes, activation: { min: 0, max: Number.POSITIVE_INFINITY } }, origin('first'), 'first');
  const second = b.apply('conv2d', [first, b.constant('w2', [CHANNELS, 3, 3, CHANNELS], values(CHANNELS * 9 * CHANNELS, 1)), b.constant('b2', [CHANNELS], values(CHANNELS, 1))], { ...attributes, activation: null }, origin('second'), 'second');
  b.output('y', second);
  return b.build();
}

function samplesOf(): SampleSet {
  const random = new Random(12);
  const data = Float32Array.from({ length: SAMPLES * 108 }, () => random.next());
  return { count: SAMPLES, inputs: new Map([['x', data]]), codes: new Map(), raw: new Map(), sha256: '0' };
}

/** Largest |difference of the means| of an output channel between float and fake quantization. */
async function meanShift(graph: FloatGraph, plan: QuantizationPlan, samples: SampleSet): Promise<number> {
  const executor = await createExecutor(graph);
  const means = async (quantized: boolean) => {
    const options = quantized ? { transform: fakeQuantTransform(plan), constants: fakeQuantConstants(graph, plan) } : {};
    const values = (await executor.run(samples.inputs, SAMPLES, options)).get('second')!;
    const sums = new Float64Array(CHANNELS);
    values.forEach((v, i) => {
      sums[i % CHANNELS]! += (v * CHANNELS) / values.length;
    });
    return sums;
  };
  const [real, fake] = [await means(false), await means(true)];
  executor.dispose();
  return Math.max(...real.map((mean, c) => Math.abs(mean - fake[c]!)));
}

test('three-bit weights shift the means, correction takes most of it back', async () => {
  const graph = network();
  const samples = samplesOf();
  const calibration = await calibrate(graph, samples, { observer: 'min-max', bits: 8 });
  const plan = planQuantization(graph, calibration, { method: 'nearest', bits: 'w3a8', seed: 0, widths: { edgeBits: 2 } });
  const corrected = await refinePlan(plan, { graph, calibration, samples, seed: 0, biasCorrection: true });
  const before = await meanShift(graph, plan, samples);
  const after = await meanShift(graph, corrected, samples);
  assert.ok(before > 0.1, `the shift is only ${before}`);
  assert.ok(after < before / 10, `${before} became ${after}`);
});

test('without samples it says what it needs', async () => {
  const graph = network();
  const calibration = await calibrate(graph, samplesOf(), { observer: 'min-max', bits: 8 });
  const plan = planQuantization(graph, calibration, { method: 'nearest', bits: 'w8a8', seed: 0 });
  try {
    await refinePlan(plan, { graph, calibration, samples: null, seed: 0, biasCorrection: true });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, CalibrationError);
  }
});

test.run();
