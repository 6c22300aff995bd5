import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import { IntegerGraphError } from '../../src/errors.js';
import { exponentBits, shiftUnit } from '../../src/operators/shift-functions.js';
import type { ActivationPlan } from '../../src/operators/lower.js';
import { lowerGraph } from '../../src/quantization/index.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const shiftmax = suite('shiftmax');
const origin = { file: 'test', format: 'builder', nodeName: 'soft', opType: 'Softmax' } as const;

interface Golden {
  readonly scale: number;
  readonly k: number;
  readonly I: number;
  readonly N: number;
  readonly F: number;
  readonly in: readonly number[];
  readonly out: readonly number[];
}

/** Rows of 16-bit codes; the output is 2^-F of which the largest, 2^F, saturates. */
function goldenCase(c: Golden, i: number): FirmwareCase {
  const builder = new IntegerGraphBuilder();
  const attributes = { axis: 1, places: c.k, unit: c.I, exponentBits: c.N, fractionBits: c.F, outputZeroPoint: 0 };
  builder.node('shiftmax', 'y', [builder.input('x', [1, c.in.length], { bits: 16 })], { shape: [1, c.in.length], attributes, output: { bits: 16 } });
  return { name: `golden ${i}`, graph: builder.build(['y']), inputs: [[Int16Array.from(c.in)]] };
}

shiftmax('constants, codes and firmware equal the independent definition', async () => {
  const file = goldenFile('P_shiftmax.json');
  if (!file) return leftOut(1, 'vectors of softmax by shifts');
  const cases = JSON.parse(readFileSync(file, 'utf8')).cases as Golden[];
  const firmware = cases.map((c, i) => {
    const made = shiftUnit(c.scale);
    assert.equal([made.places, made.unit, exponentBits(made.unit, c.in.length)], [c.k, c.I, c.N], `constants of case ${i}`);
    const one = goldenCase(c, i);
    assert.equal([...createSimulator(one.graph).run(one.inputs[0]!)[0]!], c.out.map((v) => Math.min(v, 32767)), `codes of case ${i}`);
    return one;
  });
  assert.ok(firmware.length >= 20);
  await expectFirmwareMatchesSimulator(firmware, ['host', 'cortex-m7']);
});

shiftmax('lowered codes are within four of the real softmax, along any axis and at another output scale', async () => {
  const random = new Random(3);
  const firmware: FirmwareCase[] = [];
  for (const [axis, scale, output] of [[1, 0.05, { scale: 1 / 256, zeroPoint: -128 }], [0, 0.2, { scale: 1 / 256, zeroPoint: -128 }], [1, 0.01, { scale: 0.005, zeroPoint: -100 }]] as const) {
    const builder = new FloatGraphBuilder('net', { file: 'test', format: 'builder', sha256: '' });
    const x = builder.input('x', [6, 10], 'float32');
    builder.output('y', builder.apply('softmax', [x], { axis, beta: 0.8 }, origin, 'y'));
    const float = builder.build();
    const activations = new Map<string, ActivationPlan>([[x, { bits: 8, signed: true, scale, zeroPoint: 4 }], [float.outputs[0]!.tensor, { bits: 8, signed: true, ...output }]]);
    const graph = lowerGraph(float, { arith: 'dyadic', method: 'nearest', bits: 'w8a8', seed: 0, calibrationSha256: null, activations, weights: new Map(), biases: new Map() }, { functions: 'ivit' });
    assert.equal(graph.nodes.map((node) => node.op), output.scale === 1 / 256 ? ['shiftmax'] : ['shiftmax', 'requantize']);
    const codes = random.codes(new Int8Array(60), -128, 127);
    const [actual] = createSimulator(graph).run([codes]);
    const e = (i: number) => Math.exp(0.8 * scale * codes[i]!);
    codes.forEach((_, i) => {
      const row = Array.from({ length: axis === 1 ? 10 : 6 }, (_, k) => (axis === 1 ? i - (i % 10) + k : (i % 10) + 10 * k));
      const exact = Math.min(127, e(i) / row.reduce((sum, k) => sum + e(k), 0) / output.scale + output.zeroPoint);
      assert.ok(Math.abs(actual![i]! - exact) <= 4, `axis ${axis}: code ${i} is ${actual![i]}, exactly ${exact}`);
    });
    firmware.push({ name: `lowered ${axis} ${scale}`, graph, inputs: [[codes]] });
  }
  await expectFirmwareMatchesSimulator(firmware, ['host', 'rv32imc']);
});

shiftmax('sums of exponentials that leave 31 bits are refused', () => {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [4]);
  builder.node('shiftmax', 'y', [x], { shape: [4], attributes: { axis: 0, places: 3, unit: 300, exponentBits: 15, fractionBits: 8, outputZeroPoint: -128 } });
  assert.throws(() => builder.build(['y']), (error: unknown) => error instanceof IntegerGraphError && /unit in \[1, 256\]/.test(error.message));
});

shiftmax.run();
