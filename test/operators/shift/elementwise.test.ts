/** Sums, products, pools and softmax without multiplication: their lowering stays near the float operators, the firmware is the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { divideByBits } from '../../../sim/scalar/divide.js';
import { interpolate } from '../../../sim/scalar/interpolate.js';
import { layerNormMeanByBits, layerNormReciprocalByBits, layerNormShiftByBits, layerNormSquaresByBits } from '../../../sim/scalar/layer-norm-by-bits.js';
import { layerNormMean, layerNormReciprocal, layerNormShift, layerNormSquares } from '../../../sim/scalar/layer-norm.js';
import { interpolateByBits, productByBits, wideProductByBits } from '../../../sim/scalar/products.js';
import { shiftShare } from '../../../sim/scalar/shift-exponential.js';
import { softmaxShare } from '../../../sim/scalar/softmax.js';
import type { IntegerGraph } from '../../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { elementwiseCases } from '../../support/elementwise-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { checkSimulator, firmwareCase, lowerCase, type OperatorCase } from '../../support/operator-cases.js';

const elementwise = suite('element-wise operators without multiplication');

const OPERATORS = { add: (x: number, y: number) => x + y, sub: (x: number, y: number) => x - y, mul: (x: number, y: number) => x * y };

const every = Object.entries(OPERATORS).flatMap(([op, f], k) => elementwiseCases(op, f, { arith: 'shift' } as Pick<OperatorCase, 'arith'>).map((one, i) => lowerCase(one, 400 + 50 * k + i)));

function underShift(graph: IntegerGraph): IntegerGraph {
  return { ...graph, provenance: { ...graph.provenance, arith: 'shift' } };
}

elementwise('few digits cost less than two codes', () => {
  for (const one of every) checkSimulator(one, 2);
});

elementwise('firmware equals the simulator', async () => {
  const cases = every.map(firmwareCase).map((one) => ({ ...one, graph: underShift(one.graph) }));
  for (const { graph, name } of cases) {
    const { steps } = buildSchedule(graph, findTarget('host'), DEFAULT_SCHEDULE_OPTIONS);
    assert.ok(steps.every(({ kernel }) => kernel.family === 'shift' || kernel.template === 'requantize'), name);
  }
  await expectFirmwareMatchesSimulator(cases, ['host', 'rv32ec']);
});

elementwise('division by subtraction is exact', () => {
  const random = new Random(9);
  const pairs = [[0, 1], [1, 1], [2 ** 31 - 1, 1], [2 ** 31 - 1, 2 ** 30 - 1], [5, 7], ...Array.from({ length: 300 }, () => [random.integer(0, 2 ** 30 - 1), random.integer(1, 2 ** random.integer(1, 29))])];
  for (const [a, b] of pairs as [number, number][]) assert.is(divideByBits(a, b), Math.floor(a / b), `${a} / ${b}`);
  for (let i = 0; i < 200; i++) {
    const exponential = random.integer(0, 32768);
    const sum = random.integer(Math.max(exponential, 1), 2 ** 24);
    assert.is(shiftShare(exponential, sum, 8), softmaxShare(exponential, 256, sum));
  }
});

elementwise('products and layer normalization by bits are the same bits', () => {
  const random = new Random(10);
  const any = (bits: number) => random.integer(-(2 ** random.integer(1, bits)), 2 ** random.integer(1, bits) - 1);
  for (let i = 0; i < 2000; i++) {
    const [x, factor] = [any(31), Math.max(-(2 ** 31 - 1), any(31))];
    assert.is(productByBits(x, factor), Math.imul(x, factor), `${x} * ${factor}`);
    const wide = Math.max(-(2 ** 31 - 1), x);
    assert.is(wideProductByBits(wide, factor), BigInt(wide) * BigInt(factor));
    const [places, left, right] = [random.integer(0, 7), any(15), any(15)];
    const part = random.integer(0, 2 ** places - 1);
    assert.is(interpolateByBits(left, right, part, places), interpolate(left, right, part, places));
    const [depth, fraction] = [random.integer(1, 4096), random.integer(0, 7)];
    const sum = random.integer(-128 * depth, 127 * depth);
    const mean = layerNormMean(sum, depth, fraction);
    assert.is(layerNormMeanByBits(sum, depth, fraction), mean, `mean of ${sum} / ${depth}`);
    const total = BigInt(Math.ceil(sum ** 2 / depth)) + BigInt(random.integer(0, 2 ** random.integer(0, 28)));
    const squares = layerNormSquares(total, sum, mean, depth, fraction);
    assert.is(layerNormSquaresByBits(total, sum, mean, depth, fraction), squares);
    const shift = layerNormShift(squares);
    assert.is(layerNormShiftByBits(squares), shift, `shift of ${squares}`);
    assert.is(layerNormReciprocalByBits(squares, shift), layerNormReciprocal(squares, shift));
  }
  assert.is(layerNormShiftByBits(0n), layerNormShift(0n));
  assert.is(layerNormReciprocalByBits(0n, 16), layerNormReciprocal(0n, 16));
});

elementwise.run();
