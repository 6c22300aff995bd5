import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const clamp = suite('clamp');
const plan = { bits: 8, signed: true, scale: 0.02, zeroPoint: 11 };
const every = ([[0, 0.6], [-Infinity, 0.1], [0, Infinity], [-0.53, 0.31]] as const).flatMap(([min, max], i) =>
  [plan, { ...plan, scale: 0.011 }].map((output) => {
    const naive = ([x]: readonly ArrayLike<number>[]) => Array.from(x!, (v) => Math.min(max, Math.max(min, v)));
    return lowerCase({ name: `clamp ${i}`, op: 'clamp', attributes: { min, max }, inputs: [{ shape: [3, 70], plan }], output, naive }, 900 + i);
  }),
);

clamp('float equals the definition', async () => {
  for (const one of every) await checkFloat(one);
});

clamp('at one scale codes are clamped, else a requantization clamps', () => {
  assert.equal(every.map((one) => one.graph.nodes.map((n) => n.op).join()), every.map((one) => (one.output.scale === plan.scale ? 'clamp' : 'requantize')));
  for (const one of every) checkSimulator(one, 0.5 + 2 ** -8);
});

clamp('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

clamp.run();
