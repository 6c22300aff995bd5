import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { budgetsOf, isBroken } from '../../src/budgets.js';
import { junitReport } from '../../src/report/junit.js';
import { layerTable, summary } from '../../src/report/terminal.js';
import { sampleReport } from './sample-report.js';

const reports = suite('report texts');
// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences of colours
const plain = (text: string) => text.replace(/\x1b\[[0-9;]*m/g, '');
const mismatch = { unfused: false, vector: 3, tensor: 'a<b', node: 'conv', index: [1, 2, 0], expected: 4, actual: 5, accumulator: 77, multiplier: 99, shift: 32 };
const wrong = sampleReport({ verify: { ...sampleReport().verify, bitExact: false, firstMismatch: mismatch } });

reports('the layer table has one aligned row a layer', () => {
  const lines = plain(layerTable(sampleReport())).split('\n');
  assert.is(lines.length, 4);
  assert.match(lines[1]!, /conv<0>\s+conv2d\s+12x12x16\s+w8a8\s+10,000\s+30,000\s+3\.00\s+36\.5/);
});

reports('the layer table names the family of every layer where there are several', () => {
  const [first, ...others] = sampleReport().layers;
  const lines = plain(layerTable(sampleReport({ layers: [{ ...first!, kernels: 'cmsis-nn' }, ...others, { ...first!, op: 'reshape', kernels: null }] }))).split('\n');
  assert.match(lines[0]!, /^layer\s+operator\s+kernels\s+output/);
  assert.match(lines[1]!, /conv2d\s+cmsis-nn\s+12x12x16/);
  assert.match(lines[2]!, /conv2d\s+portable\s+12x12x16/);
  assert.match(lines[4]!, /reshape\s+–\s+12x12x16/);
});

reports('the summary says bit-exact, or names the first difference', () => {
  assert.match(plain(summary(sampleReport())), /bit-exact: 16 vectors, 208 tensors on qemu-system-arm mps2-an500/);
  assert.match(plain(summary(wrong)), /vector 3, tensor 'a<b' \[1, 2, 0\]: simulator 4, firmware 5/);
  const unfused = sampleReport({ verify: { ...wrong.verify, firstMismatch: { ...mismatch, unfused: true } } });
  assert.match(plain(summary(unfused)), /differs first with fusion off in vector 3/);
  const notRun = sampleReport({ verify: { ...sampleReport().verify, ran: false, bitExact: null } });
  assert.match(plain(summary(notRun)), /verified\s+not run/);
});

reports('the summary says what lies packed, and for how many instructions', () => {
  const { cost } = sampleReport();
  const one = { name: 'a', bits: 4, bytes: 100 };
  assert.match(plain(summary(sampleReport({ cost: { ...cost, packing: { tensors: [one], predictedInstructions: 1234 } } }))), /; 1 tensor packed, for about 1,234 instructions\), stack/);
  assert.match(plain(summary(sampleReport({ cost: { ...cost, packing: { tensors: [one, one], predictedInstructions: 9 } } }))), /; 2 tensors packed/);
  assert.not.match(plain(summary(sampleReport())), /packed/);
});

reports('networks without a MAC have no cost a MAC; cycles say who counted them', () => {
  const { cost, model } = sampleReport();
  const nothing = plain(summary(sampleReport({ model: { ...model, macs: 0 }, cost: { ...cost, instructionsPerMac: null, estimatedCycles: 200_000 } })));
  assert.match(nothing, /instructions\s+180,000\n/);
  assert.match(nothing, /cycles\s+200,000 estimated\n/);
  const counted = plain(summary(sampleReport({ cost: { ...cost, instructions: null, instructionsPerMac: null, estimatedCycles: 120_000 } })));
  assert.match(counted, /cycles\s+120,000 counted by the emulator \(2\.00 a nominal MAC\)/);
});

reports('inner tensors: how many were checked with fusion off, how many nobody saw', () => {
  const { verify } = sampleReport();
  assert.match(plain(summary(sampleReport({ verify: { ...verify, tensorsCheckedUnfused: ['a', 'b'] } }))), /208 tensors, 2 inner tensors with fusion off on qemu/);
  assert.match(plain(summary(sampleReport({ verify: { ...verify, tensorsUnobserved: ['a'] } }))), /208 tensors, 1 inner tensors not seen on qemu/);
});

reports('folding is reported only where it saved something', () => {
  assert.not.match(plain(summary(sampleReport())), /folding/);
  const folded = sampleReport({ folding: { macsBefore: 1000, macsAfter: 480, channelsRemoved: 7, weightBytesRemoved: 90 } });
  assert.match(plain(summary(folded)), /52\.0 % of the MACs removed \(1,000 → 480\), 7 channels/);
});

reports('budgets hold at their limit and break beyond it; an unmeasured one is broken', () => {
  const limits = { maxRam: 12_000, maxFlash: 34_999, maxInstructions: 180_000, minAccuracy: 0.98 };
  assert.equal(budgetsOf(sampleReport(), limits).filter(isBroken).map((b) => b.name), ['flash', 'accuracy']);
  const unmeasured = sampleReport({ cost: { ...sampleReport().cost, instructions: null } });
  assert.equal(budgetsOf(unmeasured, { maxInstructions: 1 }).filter(isBroken).map((b) => b.name), ['instructions']);
});

reports('JUnit: one suite a target, failures for wrong bits and broken budgets, names escaped', () => {
  const limits = { maxFlash: 10 };
  const budgets = new Map([['cortex-m7', budgetsOf(wrong, limits)]]);
  const xml = junitReport([wrong], budgets, new Map([['cortex-m7', budgets.get('cortex-m7')!.filter(isBroken)]]));
  assert.match(xml, /<testsuite name="demo.cortex-m7" tests="5" failures="2" skipped="0"/);
  assert.match(xml, /tensor &apos;a&lt;b&apos; \(node &apos;conv&apos;\) at \[1, 2, 0\]: simulator 4, firmware 5/);
  assert.match(xml, /flash: 35000 against a limit of 10/);
  assert.is((xml.match(/<testcase /g) ?? []).length, 5);
  assert.is(xml.includes('a<b'), false);
});

reports.run();
