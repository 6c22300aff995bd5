import { stripVTControlCharacters } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { paretoTable } from '../../src/commands/pareto.js';
import { sampleReport } from '../report/sample-report.js';

const test = suite('commands/pareto');

test('one line a choice, compared with the first', () => {
  const speed = sampleReport();
  const ram = { ...speed, cost: { ...speed.cost, arenaBytes: speed.cost.arenaBytes / 2, instructions: speed.cost.instructions! * 1.1, flashBytes: null, arenaProof: 'none' as const } };
  const [header, first, second] = stripVTControlCharacters(paretoTable([{ goal: 'speed', report: speed }, { goal: 'ram', report: ram }])).split('\n');
  assert.match(header!, /^optimize +arena +placement +instructions +flash/);
  assert.match(first!, /^speed +12,000 +\+0\.0 % +least +180,000 +\+0\.0 %/);
  assert.match(second!, /^ram +6,000 +-50\.0 % +open +198,000 +\+10\.0 % +– +–/);
});

test.run();
