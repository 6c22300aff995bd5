import { suite } from 'uvu';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { pool } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const maxPool = suite('max-pool2d');
const plan = { bits: 8, signed: true, scale: 0.01, zeroPoint: 7 };

const every = [
  { shape: [8, 8, 3], kernel: [2, 2], strides: [2, 2], pad: [0, 0, 0, 0] },
  { shape: [7, 9, 2], kernel: [3, 3], strides: [2, 2], pad: [1, 1, 1, 1] },
  { shape: [6, 5, 4], kernel: [2, 3], strides: [1, 2], pad: [0, 1, 2, 0] },
  { shape: [5, 5, 3], kernel: [1, 1], strides: [2, 2], pad: [0, 0, 0, 0] },
  { shape: [1, 12, 2], kernel: [1, 12], strides: [1, 1], pad: [0, 0, 0, 0] },
].flatMap((w, i) =>
  [null, { min: 0, max: 0.6 }].map((activation) => {
    const best = (values: readonly number[]) => Math.min(activation?.max ?? Infinity, Math.max(activation?.min ?? -Infinity, ...values));
    const { shape, ...window } = w;
    // Cases with another output scale get a requantization in front.
    const output = i === 1 ? { ...plan, scale: 0.013 } : plan;
    return lowerCase({ name: `pool ${i}`, op: 'max-pool2d', attributes: { ...window, activation }, inputs: [{ shape, plan }], output, naive: pool(shape, w, best) }, 600 + i);
  }),
);

maxPool('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

maxPool('codes are exact at one scale, half a code off behind a requantization', () => {
  for (const one of every) checkSimulator(one, one.output.scale === plan.scale ? 0.5 : 0.5 + 2 ** -8);
});

maxPool('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

maxPool.run();
