import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { PtqError, ShapeError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { fill, indexOf } from '../support/naive.js';
import { checkFloat, checkSimulator, firmwareCase, lowerCase, type CaseInput } from '../support/operator-cases.js';

const gather = suite('gather');
const plan = { bits: 8, signed: true, scale: 0.02, zeroPoint: 4 };

function gatherCase(table: CaseInput, indices: CaseInput, axis: number, seed: number, scale = plan.scale) {
  const [x, k] = [table.shape, indices.shape];
  const shape = [...x.slice(0, axis), ...k, ...x.slice(axis + 1)];
  const naive = ([values, picked]: readonly ArrayLike<number>[]) =>
    fill(shape, (at) => {
      const index = picked![indexOf(at.slice(axis, axis + k.length), k)]!;
      return values![indexOf([...at.slice(0, axis), index < 0 ? index + x[axis]! : index, ...at.slice(axis + k.length)], x)]!;
    });
  return lowerCase({ name: `gather ${seed}`, op: 'gather', attributes: { axis }, inputs: [{ plan, ...table }, indices], output: { ...plan, scale }, naive }, seed);
}

const constant = (shape: readonly number[], values: readonly number[], indices: number): CaseInput => ({ shape, constant: values, indices });
const every = [
  gatherCase({ shape: [5, 3, 2] }, constant([2, 2], [0, -1, 1, 1], 3), 1, 1500),
  gatherCase({ shape: [5, 6] }, constant([3], [4, 0, 2], 5), 0, 1501),
  gatherCase({ shape: [5, 6] }, constant([], [3], 6), 1, 1502),
  gatherCase({ shape: [5, 6] }, constant([3], [4, 2, 0], 5), 0, 1503, 0.013),
  gatherCase({ shape: [11, 6], constant: true }, { shape: [9], indices: 11 }, 0, 1504),
  gatherCase({ shape: [3, 7, 2], constant: true }, { shape: [2, 2], indices: 7 }, 1, 1505, 0.03),
];

gather('float equals the plain loops', async () => {
  for (const one of every) await checkFloat(one);
});

gather('codes are copied, then rescaled where the output has another scale', () => {
  for (const one of every) checkSimulator(one, one.output.scale === plan.scale ? 1e-4 : 0.5 + 2 ** -8);
});

gather('indices outside the table are refused: constant ones by name, given ones by their range', () => {
  assert.throws(() => gatherCase({ shape: [5] }, constant([1], [5], 6), 0, 1), (e: unknown) => e instanceof ShapeError && e.message.includes("'layer'"));
  const builder = new IntegerGraphBuilder();
  const table = builder.constant('table', [4, 2], new Int8Array(8));
  const tokens = builder.input('tokens', [3], { bits: 32, range: [0, 4] });
  builder.node('gather', 'y', [table, tokens], { shape: [3, 2], attributes: { axis: 0 } });
  assert.throws(() => builder.build(['y']), (e: unknown) => e instanceof PtqError && e.message.includes('can leave an axis of 4'));
});

gather('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(every.map(firmwareCase), ['host', 'cortex-m7']);
});

gather.run();
