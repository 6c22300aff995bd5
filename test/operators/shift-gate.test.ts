import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import { shiftUnit } from '../../src/operators/shift-functions.js';
import { unaryScalar } from '../../src/operators/unary-functions.js';
import { lowerGraph } from '../../src/quantization/index.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';

const shiftGate = suite('shift-gate');
const origin = { file: 'test', format: 'builder', nodeName: 'gate', opType: 'Gelu' } as const;

interface Golden {
  readonly scale: number;
  readonly k: number;
  readonly I: number;
  readonly N: number;
  readonly F: number;
  readonly in: readonly number[];
  readonly out: readonly number[];
}

shiftGate('constants, products and firmware equal the independent definition', async () => {
  const file = goldenFile('P_shiftgelu.json');
  if (!file) return leftOut(1, 'vectors of GELU by shifts');
  const cases = JSON.parse(readFileSync(file, 'utf8')).cases as Golden[];
  const firmware = cases.map((c, i): FirmwareCase => {
    assert.equal(shiftUnit(1.702 * c.scale), { places: c.k, unit: c.I }, `constants of case ${i}`);
    const wide = c.in.some((x) => x < -128 || x > 127);
    const builder = new IntegerGraphBuilder();
    // The products themselves where 16 bits hold them; of wide codes their upper part.
    const shift = wide ? 8 : 0;
    builder.node('shift-gate', 'y', [builder.input('x', [c.in.length], { bits: wide ? 16 : 8 })], {
      shape: [c.in.length],
      attributes: { inputZeroPoint: 0, places: c.k, unit: c.I, exponentBits: c.N, fractionBits: c.F },
      requantize: { mode: 'shift', shift: [shift], rounding: 'floor', zeroPoint: 0, clamp: [-32768, 32767] },
      output: { bits: 16 },
    });
    const graph = builder.build(['y']);
    const codes = wide ? Int16Array.from(c.in) : Int8Array.from(c.in);
    const simulator = createSimulator(graph);
    if (i % 3 === 0) c.out.forEach((product, k) => k % 10 === 0 && assert.is(simulator.accumulator([codes], 'y', k), product));
    assert.equal([...simulator.run([codes])[0]!], c.out.map((product) => Math.min(32767, Math.max(-32768, product >> shift))), `codes of case ${i}`);
    return { name: `golden ${i}`, graph, inputs: [[codes]] };
  });
  assert.ok(firmware.length >= 8);
  await expectFirmwareMatchesSimulator(firmware, ['host', 'cortex-m7']);
});

shiftGate('lowered GELU and SiLU are within 0.05 of the real ones', async () => {
  const firmware: FirmwareCase[] = [];
  for (const name of ['gelu', 'gelu-tanh', 'silu'] as const) {
    for (const scale of [0.004, 0.03, 0.11]) {
      const builder = new FloatGraphBuilder('net', { file: 'test', format: 'builder', sha256: '' });
      const x = builder.input('x', [256], 'float32');
      builder.output('y', builder.apply('unary', [x], { function: name, alpha: 0, beta: 0 }, origin, 'y'));
      const float = builder.build();
      const [input, output] = [{ bits: 8, signed: true, scale, zeroPoint: -20 }, { bits: 8, signed: true, scale, zeroPoint: -60 }];
      const activations = new Map([[x, input], [float.outputs[0]!.tensor, output]]);
      const graph = lowerGraph(float, { arith: 'dyadic', method: 'nearest', bits: 'w8a8', seed: 0, calibrationSha256: null, activations, weights: new Map(), biases: new Map() }, { functions: 'ivit' });
      assert.equal(graph.nodes.map((node) => node.op), ['shift-gate']);
      const codes = Int8Array.from({ length: 256 }, (_, i) => i - 128);
      const [actual] = createSimulator(graph).run([codes]);
      codes.forEach((code, i) => {
        const exact = Math.min(187 * scale, unaryScalar(name, scale * (code + 20), 0, 0));
        assert.ok(Math.abs(scale * (actual![i]! + 60) - exact) <= 0.05 + scale / 2, `${name} of ${scale * (code + 20)}: ${scale * (actual![i]! + 60)}, exactly ${exact}`);
      });
      firmware.push({ name: `${name} ${scale}`, graph, inputs: [[codes]] });
    }
  }
  await expectFirmwareMatchesSimulator(firmware, ['host', 'rv32imc']);
});

shiftGate.run();
