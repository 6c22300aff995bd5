/** The count of kernel cases that the suite's last lines show, and its limit. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { availableTargetIds, expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { HandGraph, seededCodes } from '../support/hand-graph.js';
import { familyOfCase, kernelCasesText, LEAST_KERNEL_CASES, readKernelCases, totalCases } from '../support/kernel-cases.js';

const test = suite('count of kernel cases');

function clampCase(low: number): FirmwareCase {
  const graph = new HandGraph().activation('x', [9]).activation('y', [9]).node('clamp', ['x'], ['y'], { clamp: [low, 100] }).build(['x'], ['y']);
  return { name: `from ${low}`, graph, inputs: [[seededCodes(new Int8Array(9), -128, 127, 1)]] };
}

/** What the tests of a file print. */
async function said(work: () => Promise<void>): Promise<string> {
  const { log } = console;
  const lines: string[] = [];
  console.log = (line: string) => lines.push(line);
  try {
    await work();
  } finally {
    console.log = log;
  }
  return lines.join('\n');
}

test('a case counts once a family and set of options, however often it runs; a run counts each time', async () => {
  const targets = ['host', 'rv32imc'].filter((id) => availableTargetIds().includes(id));
  if (targets.length === 0) return;
  const first = await said(() => expectFirmwareMatchesSimulator([clampCase(-7), clampCase(-8)], targets));
  assert.equal([...readKernelCases([first])], [['portable', { cases: 2, runs: 2 * targets.length }]]);
  const again = await said(() => expectFirmwareMatchesSimulator([clampCase(-8), clampCase(-9)], targets.slice(0, 1)));
  assert.equal([...readKernelCases([again])], [['portable', { cases: 1, runs: 2 }]]);
});

test('the family is the best one that computes a step', () => {
  const { graph } = clampCase(-7);
  assert.is(familyOfCase(buildSchedule(graph, findTarget('cortex-m0'), DEFAULT_SCHEDULE_OPTIONS)), 'portable');
});

test('lines of several files are added up, family by family', () => {
  const sums = readKernelCases(['suite KERNEL-CASES dsp 1500 1600\nKERNEL-CASES portable 300 900\nother', 'x', 'KERNEL-CASES mve 199 199\nKERNEL-CASES dsp 1 2\n']);
  assert.is(totalCases(sums), 2000);
  assert.is(kernelCasesText(sums), 'kernel cases: 2000 equal the simulator (dsp 1501, mve 199, portable 300), in 2701 runs on targets');
  assert.ok(totalCases(sums) >= LEAST_KERNEL_CASES);
});

test.run();
