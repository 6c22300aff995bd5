/** Fake quantization on codes gives the codes of the simulator, behind layers with weights and behind sums. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../src/calibration/index.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { integerTensor } from '../../src/graph/integer.js';
import { fakeQuantConstants, fakeQuantTransform, lowerGraph, planQuantization, withCodeArithmetic, type CodeGraph } from '../../src/quantization/index.js';
import { encodeSamples, realValues } from '../../src/simulation/encode.js';
import { simulateBatch } from '../../src/simulation/evaluate.js';
import { Random } from '../support/integer-graphs.js';

const test = suite('fake quantization on codes');
const SAMPLES = 8;
const random = new Random(3);
const values = (count: number, scale: number): Float32Array => Float32Array.from({ length: count }, () => (random.next() - 0.4) * scale);
const origin = (nodeName: string, opType: string) => ({ file: 'test.onnx', format: 'builder' as const, nodeName, opType });

/** How many of the output's codes are not the simulator's, on real values and on codes. */
async function differing(graph: FloatGraph, inputs: SampleSet['inputs']): Promise<{ readonly onReals: number; readonly onCodes: number }> {
  const samples: SampleSet = { count: SAMPLES, inputs, codes: new Map(), raw: new Map(), sha256: '0' };
  const plan = planQuantization(graph, await calibrate(graph, samples, { observer: 'min-max', bits: 8 }), { method: 'nearest', bits: 'w8a8', seed: 0 });
  const integer = lowerGraph(graph, plan);
  const encoded = encodeSamples(integer, samples);
  const [expected] = await simulateBatch(integer, encoded, SAMPLES);
  // An input that lies between two codes is not what is tested here.
  const onCentres = new Map(integer.inputs.map((port, i) => [port.name, realValues(integerTensor(integer, port.tensor), encoded[i]!)]));
  const output = graph.outputs[0]!.tensor;
  const { scale, zeroPoint } = plan.activations.get(output)!;
  const count = async ({ graph: float, codes }: CodeGraph): Promise<number> => {
    const executor = await createExecutor(float);
    const real = (await executor.run(onCentres, SAMPLES, { transform: fakeQuantTransform(plan, codes), constants: fakeQuantConstants(graph, plan) })).get(output)!;
    executor.dispose();
    return real.reduce((sum, value, i) => sum + (Math.round(value / scale) + zeroPoint === expected![i] ? 0 : 1), 0);
  };
  return { onReals: await count({ graph, codes: new Set() }), onCodes: await count(withCodeArithmetic(graph, integer, plan)) };
}

test('behind a sum', async () => {
  const length = 4096;
  const b = new FloatGraphBuilder('sum', { file: 'test.onnx', format: 'builder', sha256: '0' });
  b.output('sum', b.apply('add', [b.input('a', [length], 'float32'), b.input('b', [length], 'float32')], { activation: null }, origin('sum', 'Add'), 'sum'));
  const { onReals, onCodes } = await differing(b.build(), new Map([['a', values(SAMPLES * length, 3.1)], ['b', values(SAMPLES * length, 1.7)]]));
  assert.ok(onReals >= 10, `only ${onReals} differ on real values`);
  assert.is(onCodes, 0);
});

test('behind two dense layers with a clamp between them', async () => {
  const [rows, width] = [64, 96];
  const b = new FloatGraphBuilder('layers', { file: 'test.onnx', format: 'builder', sha256: '0' });
  let x = b.input('x', [rows, width], 'float32');
  for (const name of ['first', 'second']) {
    const weights = b.constant(`${name}.w`, [width, width], values(width * width, 0.3), origin(name, 'Gemm'));
    const bias = b.constant(`${name}.b`, [width], values(width, 0.5), origin(name, 'Gemm'));
    x = b.apply('dense', [x, weights, bias], { activation: name === 'first' ? { min: 0, max: 6 } : null }, origin(name, 'Gemm'), name);
  }
  b.output('y', x);
  const { onCodes } = await differing(b.build(), new Map([['x', values(SAMPLES * rows * width, 2)]]));
  // Of 393,216 codes: the product of sum and scales still rounds once.
  assert.ok(onCodes <= 1, `${onCodes} differ`);
});

test('behind a softmax, and behind normalizations of layers and groups', async () => {
  const [rows, width] = [64, 96];
  for (const [op, attributes] of [['softmax', { axis: 1, beta: 0.7 }], ['layer-norm', { axis: 1, epsilon: 1e-5 }], ['group-norm', { groups: 8, epsilon: 1e-5 }]] as const) {
    const b = new FloatGraphBuilder(op, { file: 'test.onnx', format: 'builder', sha256: '0' });
    const parameters = op !== 'softmax' ? [values(width, 2), values(width, 1)].map((data, i) => b.constant(`p${i}`, [width], data, origin(op, 'LayerNormalization'))) : [];
    b.output('y', b.apply(op, [b.input('x', [rows, width], 'float32'), ...parameters], attributes, origin(op, op), 'y'));
    const { onReals, onCodes } = await differing(b.build(), new Map([['x', values(SAMPLES * rows * width, 9)]]));
    assert.ok(onReals >= 5, `${op}: only ${onReals} differ on real values`);
    // The squares of 768 elements lose their last bits in float32.
    assert.ok(onCodes <= (op === 'group-norm' ? 8 : 0), `${op}: ${onCodes} differ on codes, ${onReals} on real values`);
  }
});

test.run();
