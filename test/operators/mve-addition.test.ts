import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { elementwiseCases } from '../support/elementwise-cases.js';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { firmwareCase, lowerCase } from '../support/operator-cases.js';

const addition = suite('mve addition');

for (const op of ['add', 'sub'] as const) {
  addition(`${op} equals the simulator`, async () => {
    const compute = op === 'add' ? (x: number, y: number) => x + y : (x: number, y: number) => x - y;
    const profiles = [{}, { arith: 'tflite' }, { arith: 'tflite-single' }] as const;
    const cases = profiles.flatMap((profile) => elementwiseCases(op, compute, profile)).map((one, i) => firmwareCase(lowerCase(one, 300 + i)));
    const taken = countFamily(cases, 'mve', 'cortex-m55');
    assert.ok(taken >= 8, `${taken} of ${cases.length} run on the mve kernels`);
    await expectFirmwareMatchesSimulator(cases, ['cortex-m55']);
  });
}

addition.run();
