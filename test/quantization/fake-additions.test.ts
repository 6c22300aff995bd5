/** Fake quantization with the integers' own ratios gives the codes of the simulator behind a sum. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../src/calibration/index.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { fakeQuantConstants, fakeQuantTransform, lowerGraph, planQuantization, withIntegerSums } from '../../src/quantization/index.js';
import { encodeSamples } from '../../src/simulation/encode.js';
import { simulateBatch } from '../../src/simulation/evaluate.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('fake-quantized sums');
const SAMPLES = 8;
const LENGTH = 4096;

function sumOfTwo(): FloatGraph {
  const b = new FloatGraphBuilder('sum', { file: 'sum.onnx', format: 'builder', sha256: '0' });
  const origin = { file: 'sum.onnx', format: 'builder' as const, nodeName: 'sum', opType: 'Add' };
  b.output('sum', b.apply('add', [b.input('a', [LENGTH], 'float32'), b.input('b', [LENGTH], 'float32')], { activation: null }, origin, 'sum'));
  return b.build();
}

test('codes behind a sum are those of the integers', async () => {
  const graph = sumOfTwo();
  const random = new Random(3);
  const values = (scale: number) => Float32Array.from({ length: SAMPLES * LENGTH }, () => (random.next() - 0.4) * scale);
  const samples: SampleSet = { count: SAMPLES, inputs: new Map([['a', values(3.1)], ['b', values(1.7)]]), codes: new Map(), raw: new Map(), sha256: '0' };
  const plan = planQuantization(graph, await calibrate(graph, samples, { observer: 'min-max', bits: 8 }), { method: 'nearest', bits: 'w8a8', seed: 0 });
  const integer = lowerGraph(graph, plan);
  const [codes] = await simulateBatch(integer, encodeSamples(integer, samples), SAMPLES);
  const { scale, zeroPoint } = plan.activations.get('sum')!;
  const differing = async (float: FloatGraph): Promise<number> => {
    const executor = await createExecutor(float);
    const real = (await executor.run(samples.inputs, SAMPLES, { transform: fakeQuantTransform(plan), constants: fakeQuantConstants(float, plan) })).get('sum')!;
    executor.dispose();
    return real.reduce((count, value, i) => count + (Math.round(value / scale) + zeroPoint === codes![i] ? 0 : 1), 0);
  };
  const without = await differing(graph);
  const within = await differing(withIntegerSums(graph, integer, plan));
  assert.ok(without >= 10, `only ${without} differ without`);
  assert.ok(within <= without / 10, `${within} differ, ${without} without`);
});

test.run();
