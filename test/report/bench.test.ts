import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { benchSummary, benchTables } from '../../src/report/bench.js';
import type { PeerFigures } from '../../src/report/peers.js';
import { sampleReport } from './sample-report.js';

const bench = suite('tables of bench');
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of colours
const plain = (text: string) => text.replace(/\x1b\[[0-9;]*m/g, '');
const peer: PeerFigures = { name: 'peer', instructions: 720_000, arenaBytes: 30_000, codeBytes: 40_000, flashBytes: 70_000, publishedCyclesPerMac: 2.5, layers: [90_000, null, null] };
const int8 = sampleReport();
const int16 = sampleReport({ weights: 'int16', cost: { ...int8.cost, instructions: 120_000, constBytes: 50_000, flashBytes: 59_000 }, layers: int8.layers.map((l) => ({ ...l, instructions: 20_000 })) });

bench('layouts stand side by side, each with its flash, and the peer beside them', () => {
  const lines = plain(benchTables([{ report: int8, peer }, { report: int16, peer }])).split('\n');
  assert.match(lines[1]!, /MACs +int8 +\/MAC +int16 +\/MAC +CMSIS-NN kernel +\/ int8$/);
  assert.match(lines[2]!, /10,000 +30,000 +3\.00 +20,000 +2\.00 +90,000 +3\.00$/);
  assert.match(lines[3]!, /20,000 +60,000 +3\.00 +20,000 +1\.00 +– +–$/);
  const row = (name: string) => lines.find((line) => line.startsWith(name)) ?? '';
  assert.match(row('weights'), /int8 +int16 +peer$/);
  assert.match(row('instructions'), /180,000 +120,000 +720,000$/);
  assert.match(row('  peer takes'), /4\.00 +6\.00$/);
  assert.match(row('flash bytes'), /35,000 +59,000 +70,000$/);
  assert.match(row('bits equal'), /yes, 16 vectors +yes, 16 vectors$/);
  assert.is(row('estimated cycles'), '');
});

bench('estimated cycles beside what was published, where the target has a cycle model', () => {
  const report = sampleReport({ target: 'cortex-m0plus', cost: { ...int8.cost, estimatedCycles: 90_000 } });
  const published = { ...peer, instructions: null, arenaBytes: null, codeBytes: null, flashBytes: null, layers: [null, null, null] };
  const lines = plain(benchTables([{ report, peer: published }])).split('\n');
  const at = lines.findIndex((line) => line.startsWith('estimated cycles'));
  assert.match(lines[at]!, / 90,000$/);
  assert.match(lines[at + 1]!, /1\.50 +2\.5 published$/);
  assert.not.match(lines.join('\n'), /CMSIS-NN kernel/);
  assert.match(plain(benchSummary([{ report, peer: published }])).split('\n')[1]!, /180,000 +3\.00 +1\.50 +2\.50 +35,000/);
});

bench('layers of one step: the first has the instructions and the MACs of all', () => {
  const [first, second, third] = int8.layers;
  const report = sampleReport({ layers: [first!, { ...second!, fusedInto: first!.name, instructions: null }, third!] });
  const lines = plain(benchTables([{ report, peer: null }])).split('\n');
  // 30,000 instructions for 10,000 + 20,000 MACs
  assert.match(lines[2]!, /30,000 +1\.00$/);
  assert.match(lines[3]!, /20,000 +″$/);
});

bench('a wrong bit is loud, and what was not run is no success', () => {
  const wrong = sampleReport({ verify: { ...int8.verify, bitExact: false } });
  const idle = sampleReport({ verify: { ...int8.verify, ran: false, bitExact: null } });
  const lines = plain(benchSummary([{ report: wrong, peer: null }, { report: idle, peer: null }])).split('\n');
  assert.match(lines[1]!, / NO$/);
  assert.match(lines[2]!, / not run$/);
});

bench.run();
