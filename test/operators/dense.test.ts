import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { AccumulatorOverflowError, ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { randomDense } from '../support/linear-cases.js';
import { checkLowering } from '../support/lowering-checks.js';
import { assertClose, checkBoundsAreReached, checkSimulator, evaluateFloat } from '../support/linear-checks.js';

const dense = suite('dense');

const SEED = 80;

dense('float equals the plain loops', async () => {
  const random = new Random(SEED);
  const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
  for (const leading of [[], [3], [2, 3]]) {
    const rows = leading.reduce((n, d) => n * d, 2);
    const [x, w, b] = [values(rows * 7), values(5 * 7), values(5)];
    const operands = [{ shape: [...leading, 7], data: x }, { shape: [5, 7], constant: true, data: w }, { shape: [5], constant: true, data: b }];
    const { shape, values: actual } = await evaluateFloat('dense', { activation: null }, operands, 2);
    assert.equal(shape, [...leading, 5]);
    const expected = Array.from({ length: rows * 5 }, (_, i) => {
      const [row, o] = [Math.floor(i / 5), i % 5];
      return x.subarray(row * 7, row * 7 + 7).reduce((sum, v, k) => sum + v * w[o * 7 + k]!, b[o]!);
    });
    assertClose(actual, expected, `leading axes [${leading}]`);
  }
});

dense('weights of another depth are a ShapeError', async () => {
  const operands = [{ shape: [6], data: new Float32Array(6) }, { shape: [5, 7], constant: true, data: new Float32Array(35) }];
  try {
    await evaluateFloat('dense', { activation: null }, operands, 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /dense 'node'.*\[5, 7\].*\[6\]/);
  }
});

dense('simulator equals the plain loops and stays within the bounds', () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) checkSimulator(randomDense(random, `seed ${SEED} case ${i}`));
});

dense('bounds are reached', () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 60; i++) checkBoundsAreReached(randomDense(random, `seed ${SEED + 1} case ${i}`));
});

dense('a bias that leaves no room is an AccumulatorOverflowError', () => {
  const build = (bias: number) => {
    const builder = new IntegerGraphBuilder('edge');
    const x = builder.input('x', [1]);
    const w = builder.constant('w', [1, 1], Int8Array.of(127));
    const b = builder.constant('b', [1], Int32Array.of(bias));
    builder.node('dense', 'y', [x, w, b], { shape: [1], attributes: { inputZeroPoint: 0 }, requantize: { mode: 'shift', shift: [24], rounding: 'floor', zeroPoint: 0, clamp: [-128, 127] } });
    return builder.build(['y']);
  };
  const largest = 2 ** 31 - 1 - 128 * 127;
  assert.equal(build(largest).nodes[0]!.bounds!.accumulator, [[largest - 128 * 127, largest + 127 * 127]]);
  assert.throws(() => build(largest + 1), (e: unknown) => e instanceof AccumulatorOverflowError && /dense 'y'/.test(e.message));
});

dense('firmware equals the simulator', async () => {
  const random = new Random(SEED + 2);
  await expectFirmwareMatchesSimulator(Array.from({ length: 24 }, (_, i) => randomDense(random, `seed ${SEED + 2} case ${i}`)));
});

dense('integers stay within half a quantum of float', async () => {
  const random = new Random(SEED + 3);
  for (const leading of [[], [3], [2, 3]]) {
    for (const bits of ['w8a8', 'w2a8']) {
      await checkLowering(random, { op: 'dense', attributes: { activation: random.pick([null, { min: -1, max: 1 }]) }, inputs: [[...leading, 7]], constants: [[5, 7], ...random.pick([[], [[5]]])], bits });
    }
  }
});

dense.run();
