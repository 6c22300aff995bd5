import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { operator } from '../../src/operators/index.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const reshape = suite('reshape');
const plan = { bits: 8, signed: true, scale: 0.01, zeroPoint: 0 };
const same = ([x]: readonly ArrayLike<number>[]) => Array.from(x!);
const reshapeCase = (from: readonly number[], to: readonly number[], scale = plan.scale) => lowerCase({ name: `reshape ${to}`, op: 'reshape', attributes: { shape: to }, inputs: [{ shape: from, plan }], output: { ...plan, scale }, naive: same }, 1400);
const every = [reshapeCase([4, 6], [24]), reshapeCase([24], [2, 3, 4]), reshapeCase([1], []), reshapeCase([4, 6], [24], 0.013)];

reshape('float and simulator keep the elements', async () => {
  for (const one of every) {
    await checkFloat(one);
    checkSimulator(one, one.output.scale === plan.scale ? 1e-9 : 0.5 + 2 ** -8);
  }
});

reshape('is an alias without a kernel', () => {
  assert.is(operator('reshape').integer!.alias, true);
});

reshape('another number of elements is a ShapeError', () => {
  assert.throws(() => reshapeCase([4, 6], [23]), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

reshape('firmware equals the simulator behind a requantization', async () => {
  await expectFirmwareMatchesSimulator([firmwareCase(every[3]!)], ['host', 'cortex-m7']);
});

reshape.run();
