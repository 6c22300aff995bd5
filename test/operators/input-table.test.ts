import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { IntegerGraphError } from '../../src/errors.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';

const inputTable = suite('input-table');
const random = new Random(77);

function graph(shape: readonly number[], tables: number) {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', shape, { signed: false });
  const data = random.codes(new Int8Array(256 * tables), -128, 127);
  const table = builder.constant('table', [tables, 256], data);
  builder.node('input-table', 'y', [x, table], { shape });
  return { graph: builder.build(['y']), data };
}

const image = random.codes(new Uint8Array(6 * 5 * 3), 0, 255);

inputTable('one table serves all channels, or each has its own', () => {
  const [one, three] = [graph([6, 5, 3], 1), graph([6, 5, 3], 3)];
  assert.equal([...createSimulator(one.graph).run([image])[0]!], Array.from(image, (v) => one.data[v]));
  assert.equal([...createSimulator(three.graph).run([image])[0]!], Array.from(image, (v, i) => three.data[256 * (i % 3) + v]));
});

inputTable('a number of tables that fits no channel is refused', () => {
  assert.throws(() => graph([6, 5, 3], 2), (e: unknown) => e instanceof IntegerGraphError && e.message.includes('2 tables for 3 channels'));
});

inputTable('firmware equals the simulator', async () => {
  const cases = [graph([6, 5, 3], 1), graph([6, 5, 3], 3)].map((g, i) => ({ name: `table ${i}`, graph: g.graph, inputs: [[image]] }));
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m7']);
});

inputTable.run();
