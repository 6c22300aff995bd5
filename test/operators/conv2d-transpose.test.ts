import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { randomTransposed } from '../support/linear-cases.js';
import { checkLowering } from '../support/lowering-checks.js';
import { assertClose, checkBoundsAreReached, checkSimulator, evaluateFloat } from '../support/linear-checks.js';
import { convolveTransposed, reader } from '../support/linear-oracles.js';

const transposed = suite('conv2d-transpose');

const SEED = 60;

/** Window, strides, dilations, pad, outputPadding, of an input [4, 5, 3] and 6 output channels. */
const WINDOWS: readonly (readonly [number[], number[], number[], number[], number[]])[] = [
  [[2, 2], [2, 2], [1, 1], [0, 0, 0, 0], [0, 0]],
  [[3, 3], [2, 2], [1, 1], [1, 1, 1, 1], [1, 1]],
  [[1, 1], [3, 2], [1, 1], [0, 0, 0, 0], [2, 1]],
  [[3, 2], [1, 3], [2, 1], [3, 4, 1, 0], [0, 0]],
  [[2, 3], [2, 1], [3, 2], [0, 1, 6, 2], [1, 0]],
];

transposed('float equals the plain loops', async () => {
  const random = new Random(SEED);
  for (const [kernel, strides, dilations, pad, outputPadding] of WINDOWS) {
    const weightShape = [6, ...kernel, 3];
    const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
    const [x, w, b] = [values(2 * 60), values(weightShape.reduce((n, d) => n * d, 1)), values(6)];
    const attributes = { strides, dilations, pad, outputPadding, activation: null };
    const operands = [{ shape: [4, 5, 3], data: x }, { shape: weightShape, constant: true, data: w }, { shape: [6], constant: true, data: b }];
    const { shape, values: actual } = await evaluateFloat('conv2d-transpose', attributes, operands, 2);
    const expected = [0, 1].flatMap((sample) => {
      const read = reader(x.subarray(sample * 60, (sample + 1) * 60), [4, 5, 3], () => 0);
      return [...convolveTransposed(read, [4, 5, 3], w, weightShape, { strides, dilations, pad }, shape, (_y, _x, o) => b[o]!)];
    });
    assertClose(actual, expected, `${kernel} strides ${strides} dilations ${dilations} pad ${pad} output padding ${outputPadding}`);
  }
});

transposed('padding that leaves nothing is a ShapeError', async () => {
  const operands = [{ shape: [1, 1, 3], data: new Float32Array(3) }, { shape: [1, 2, 2, 3], constant: true, data: new Float32Array(12) }];
  try {
    await evaluateFloat('conv2d-transpose', { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 0, 0], outputPadding: [0, 0], activation: null }, operands, 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /conv2d-transpose 'node'.*leaves nothing/);
  }
});

transposed('simulator equals the plain loops and stays within the bounds', () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) checkSimulator(randomTransposed(random, `seed ${SEED} case ${i}`));
});

transposed('bounds are reached', () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 60; i++) checkBoundsAreReached(randomTransposed(random, `seed ${SEED + 1} case ${i}`));
});

transposed('firmware equals the simulator', async () => {
  const random = new Random(SEED + 2);
  await expectFirmwareMatchesSimulator(Array.from({ length: 20 }, (_, i) => randomTransposed(random, `seed ${SEED + 2} case ${i}`)));
});

transposed('integers stay within half a quantum of float', async () => {
  const random = new Random(SEED + 3);
  for (const [kernel, strides, dilations, pad, outputPadding] of WINDOWS) {
    const attributes = { strides, dilations, pad, outputPadding, activation: random.pick([null, { min: 0, max: 2 }]) };
    await checkLowering(random, { op: 'conv2d-transpose', attributes, inputs: [[4, 5, 3]], constants: [[6, ...kernel, 3], [6]], bits: 'w8a8' });
  }
});

transposed.run();
