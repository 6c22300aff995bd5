import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const pad = suite('pad');

function padCase(shape: readonly number[], amounts: readonly (readonly [number, number])[], mode: 'constant' | 'reflect' | 'edge', value: number, seed: number) {
  const source = (p: number, size: number): number => {
    if (p >= 0 && p < size) return p;
    if (mode === 'edge') return p < 0 ? 0 : size - 1;
    return p < 0 ? -p : 2 * (size - 1) - p;
  };
  const output = shape.map((d, i) => d + amounts[i]![0] + amounts[i]![1]);
  const naive = ([x]: readonly ArrayLike<number>[]) =>
    fill(output, (at) => {
      const position = at.map((c, i) => c - amounts[i]![0]);
      if (mode === 'constant' && position.some((p, i) => p < 0 || p >= shape[i]!)) return value;
      return x![indexOf(position.map((p, i) => source(p, shape[i]!)), shape)]!;
    });
  return lowerCase({ name: `pad ${seed}`, op: 'pad', attributes: { amounts, mode, value }, inputs: [{ shape }], output: [-1, 1], naive }, seed);
}

const every = [
  padCase([4, 5, 3], [[1, 2], [0, 1], [0, 0]], 'constant', 0, 1200),
  padCase([4, 5, 3], [[0, 0], [2, 2], [1, 3]], 'constant', 0.4, 1201),
  padCase([6], [[3, 0]], 'constant', -0.25, 1202),
  padCase([4, 5, 3], [[3, 2], [1, 4], [0, 0]], 'reflect', 0, 1203),
  padCase([4, 5, 3], [[3, 2], [6, 1], [1, 0]], 'edge', 0, 1204),
  padCase([1, 1], [[0, 0], [0, 0]], 'constant', 0, 1205),
];

pad('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

pad('codes are copied, the padding is the code of the value', () => {
  for (const one of every) checkSimulator(one, 0.5);
});

pad('a reflection larger than the axis is a ShapeError', () => {
  assert.throws(() => padCase([3], [[3, 0]], 'reflect', 0, 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

pad('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

pad.run();
