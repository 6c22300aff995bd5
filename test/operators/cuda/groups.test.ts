/** Convolutions of several groups by dot products of bytes, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import type { LinearCase } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';
import { type Window, windowCase } from '../../support/window-cases.js';

const test = suite('convolutions of groups on CUDA');

interface GroupedWindow extends Window {
  readonly groups: number;
  readonly outputs: number;
}

const WINDOWS: readonly GroupedWindow[] = [
  { input: [7, 9, 32], kernel: [3, 3], groups: 4, outputs: 16, pad: [1, 1, 1, 1] },
  { input: [8, 8, 16], kernel: [3, 3], groups: 4, outputs: 48, pad: [0, 1, 0, 1], strides: [2, 2], isUnsigned: true, classes: true },
  { input: [6, 11, 24], kernel: [2, 3], groups: 2, outputs: 8, dilations: [2, 1] },
  { input: [3, 4, 40], kernel: [1, 1], groups: 5, outputs: 20, isUnsigned: true },
];

function grouped(random: Random, window: GroupedWindow, name: string): LinearCase {
  const { input, kernel, groups, outputs } = window;
  return windowCase(name, random, window, { op: 'conv2d', outputs, weightShape: [outputs, ...kernel, input[2] / groups], attributes: { groups } });
}

const random = new Random(65);
const cases = WINDOWS.map((window, i) => grouped(random, window, `window ${i}`));
const graph = { ...mergeGraphs(cases.map((one) => one.graph)), name: 'groups' };

test('equal the simulator', async () => {
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.template), WINDOWS.map(() => 'conv2d-groups'));
  await expectFirmwareMatchesSimulator([{ name: 'windows', graph, inputs: [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!)) }], ['cuda']);
});

test('no floating point, no register in memory', async () => {
  await expectCudaProofs(graph);
});

test.run();
