import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase } from '../support/operator-cases.js';

const transpose = suite('transpose');

function transposeCase(shape: readonly number[], permutation: readonly number[], seed: number) {
  const output = permutation.map((p) => shape[p]!);
  const naive = ([x]: readonly ArrayLike<number>[]) =>
    fill(output, (at) => {
      const source = new Array<number>(shape.length);
      permutation.forEach((p, i) => (source[p] = at[i]!));
      return x![indexOf(source, shape)]!;
    });
  return lowerCase({ name: `transpose ${permutation}`, op: 'transpose', attributes: { permutation }, inputs: [{ shape }], output: [-1, 1], naive }, seed);
}

const every = [
  transposeCase([4, 7], [1, 0], 1300),
  transposeCase([3, 4, 5], [2, 0, 1], 1301),
  transposeCase([2, 3, 4, 5], [0, 2, 1, 3], 1302),
  transposeCase([2, 3, 2, 2, 3], [4, 2, 0, 1, 3], 1303),
  transposeCase([6], [0], 1304),
  transposeCase([1, 5, 1], [2, 1, 0], 1305),
];

transpose('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

transpose('codes are copied', () => {
  for (const one of every) checkSimulator(one, 1e-9);
});

transpose('no permutation is a ShapeError', () => {
  assert.throws(() => transposeCase([2, 3], [0, 0], 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
});

transpose('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

transpose.run();
