import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const slice = suite('slice');

function sliceCase(shape: readonly number[], starts: readonly number[], sizes: readonly number[], steps: readonly number[], seed: number) {
  const naive = ([x]: readonly ArrayLike<number>[]) => fill(sizes, (at) => x![indexOf(at.map((c, i) => starts[i]! + c * steps[i]!), shape)]!);
  return lowerCase({ name: `slice ${seed}`, op: 'slice', attributes: { starts, sizes, steps }, inputs: [{ shape }], output: [-1, 1], naive }, seed);
}

const every = [
  sliceCase([6, 5, 8], [1, 0, 0], [3, 5, 8], [1, 1, 1], 1100),
  sliceCase([6, 5, 8], [0, 1, 2], [6, 3, 5], [1, 1, 1], 1101),
  sliceCase([6, 5, 8], [5, 0, 7], [3, 2, 8], [-2, 3, -1], 1102),
  sliceCase([9], [8], [1], [1], 1103),
  sliceCase([2, 3, 4, 5], [1, 0, 1, 0], [1, 3, 2, 5], [1, 1, 2, 1], 1104),
];

slice('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

slice('codes are copied', () => {
  for (const one of every) checkSimulator(one, 1e-9);
});

slice('a box outside the input is a ShapeError', () => {
  assert.throws(() => sliceCase([4], [2], [3], [1], 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
  assert.throws(() => sliceCase([4], [1], [3], [-1], 1), (e: unknown) => e instanceof ShapeError);
});

slice('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

slice.run();
