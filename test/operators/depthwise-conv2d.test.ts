import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { randomDepthwise } from '../support/linear-cases.js';
import { checkLowering } from '../support/lowering-checks.js';
import { assertClose, checkBoundsAreReached, checkSimulator, evaluateFloat } from '../support/linear-checks.js';
import { convolveDepthwise, reader } from '../support/linear-oracles.js';

const depthwise = suite('depthwise-conv2d');

const SEED = 40;

/** Window, strides, dilations, pad, multiplier, of an input [7, 9, 5]. */
const WINDOWS: readonly (readonly [number[], number[], number[], number[], number])[] = [
  [[3, 3], [1, 1], [1, 1], [1, 1, 1, 1], 1],
  [[3, 2], [2, 2], [1, 1], [0, 1, 1, 0], 1],
  [[2, 3], [2, 1], [2, 2], [1, 1, 2, 2], 3],
  [[1, 5], [1, 3], [1, 1], [2, 0, 4, 0], 2],
];

depthwise('float equals the plain loops', async () => {
  const random = new Random(SEED);
  for (const [kernel, strides, dilations, pad, multiplier] of WINDOWS) {
    const weightShape = [...kernel, 5, multiplier];
    const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
    const [x, w, b] = [values(2 * 315), values(weightShape.reduce((n, d) => n * d, 1)), values(5 * multiplier)];
    const attributes = { strides, dilations, pad, activation: { min: 0, max: 6 } };
    const operands = [{ shape: [7, 9, 5], data: x }, { shape: weightShape, constant: true, data: w }, { shape: [5 * multiplier], constant: true, data: b }];
    const { shape, values: actual } = await evaluateFloat('depthwise-conv2d', attributes, operands, 2);
    const expected = [0, 1].flatMap((sample) => {
      const read = reader(x.subarray(sample * 315, (sample + 1) * 315), [7, 9, 5], () => 0);
      return [...convolveDepthwise(read, w, weightShape, { strides, dilations, pad }, shape, (_y, _x, o) => b[o]!)].map((v) => Math.min(Math.max(v, 0), 6));
    });
    assertClose(actual, expected, `${kernel} strides ${strides} dilations ${dilations} pad ${pad} multiplier ${multiplier}`);
  }
});

depthwise('weights of other channels are a ShapeError', async () => {
  const operands = [{ shape: [4, 4, 3], data: new Float32Array(48) }, { shape: [3, 3, 4, 1], constant: true, data: new Float32Array(36) }];
  try {
    await evaluateFloat('depthwise-conv2d', { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], activation: null }, operands, 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /depthwise-conv2d 'node'.*3 channels/);
  }
});

depthwise('simulator equals the plain loops and stays within the bounds', () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) checkSimulator(randomDepthwise(random, `seed ${SEED} case ${i}`));
});

depthwise('bounds are reached', () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 60; i++) checkBoundsAreReached(randomDepthwise(random, `seed ${SEED + 1} case ${i}`));
});

depthwise('firmware equals the simulator', async () => {
  const random = new Random(SEED + 2);
  await expectFirmwareMatchesSimulator(Array.from({ length: 24 }, (_, i) => randomDepthwise(random, `seed ${SEED + 2} case ${i}`)));
});

depthwise('integers stay within half a quantum of float', async () => {
  const random = new Random(SEED + 3);
  for (const [kernel, strides, dilations, pad, multiplier] of WINDOWS) {
    for (const bits of ['w8a8', 'w5a8']) {
      const attributes = { strides, dilations, pad, activation: random.pick([null, { min: 0, max: 6 }]) };
      await checkLowering(random, { op: 'depthwise-conv2d', attributes, inputs: [[7, 9, 5]], constants: [[...kernel, 5, multiplier], ...random.pick([[], [[5 * multiplier]]])], bits });
    }
  }
});

depthwise.run();
