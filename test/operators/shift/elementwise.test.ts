/** Sums, products, pools and softmax without multiplication: their lowering stays near the float operators, the firmware is the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { divideByBits, softmaxShareByBits } from '../../../sim/scalar/divide.js';
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
  const pairs = [[0, 1], [1, 1], [2 ** 30 - 1, 1], [2 ** 30 - 1, 2 ** 30 - 1], [5, 7], ...Array.from({ length: 300 }, () => [random.integer(0, 2 ** 30 - 1), random.integer(1, 2 ** random.integer(1, 29))])];
  for (const [a, b] of pairs as [number, number][]) assert.is(divideByBits(a, b), Math.floor(a / b), `${a} / ${b}`);
  for (let i = 0; i < 200; i++) {
    const exponential = random.integer(0, 32768);
    const sum = random.integer(Math.max(exponential, 1), 2 ** 24);
    assert.is(softmaxShareByBits(exponential, 8, sum), softmaxShare(exponential, 256, sum));
  }
});

elementwise.run();
