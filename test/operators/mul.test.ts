import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { elementwiseCases } from '../support/elementwise-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const mul = suite('mul');
const product = (x: number, y: number) => x * y;
const every = [...elementwiseCases('mul', product), ...elementwiseCases('mul', product, { arith: 'tflite' })].map((one, i) => lowerCase(one, 300 + i));

mul('float equals the plain loops', async () => {
  for (const one of every.slice(0, 14)) await checkFloat(one);
});

mul('one rounding: within half a code, tflite within one', () => {
  for (const one of every) checkSimulator(one, one.one.arith ? 1 : 0.5 + 2 ** -8);
});

mul('codes equal TFLite Micro', () => {
  const file = goldenFile('tflm_add_mul_int8.json');
  if (!file) return leftOut(1, 'TFLite Micro vectors of mul');
  const cases = (JSON.parse(readFileSync(file, 'utf8')).cases as { op: string; rounding: string; z1: number; z2: number; zo: number; params: number[]; a: number[]; b: number[]; out_q: number[] }[]).filter((c) => c.op === 'mul');
  assert.ok(cases.length > 10);
  cases.forEach((c, i) => {
    const builder = new IntegerGraphBuilder();
    const inputs = ['a', 'b'].map((name) => builder.input(name, [c.a.length]));
    builder.node('mul', 'y', inputs, {
      shape: [c.a.length],
      attributes: { variant: 'tflite', inputZeroPoints: [c.z1, c.z2] },
      requantize: { mode: c.rounding === 'double' ? 'tfliteDouble' : 'tfliteSingle', multiplier: [c.params[0]!], shift: [c.params[1]!], zeroPoint: c.zo, clamp: [-128, 127] },
    });
    assert.equal([...createSimulator(builder.build(['y'])).run([Int8Array.from(c.a), Int8Array.from(c.b)])[0]!], c.out_q, `case ${i}`);
  });
});

mul('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

mul.run();
