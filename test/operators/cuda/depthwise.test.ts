/** Depthwise convolutions by dot products of bytes: windows, strides, borders, signs, classes of the bias, against the simulator. */
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

const test = suite('depthwise convolutions on CUDA');

interface DepthwiseWindow extends Window {
  readonly isUnsignedOutput?: boolean;
}

const WINDOWS: readonly DepthwiseWindow[] = [
  { input: [7, 9, 8], kernel: [3, 3], pad: [1, 1, 1, 1] },
  { input: [8, 8, 64], kernel: [3, 3], pad: [0, 1, 0, 1], strides: [2, 2], isUnsigned: true },
  { input: [9, 11, 12], kernel: [5, 5], pad: [2, 2, 2, 2], isUnsignedOutput: true },
  { input: [6, 12, 4], kernel: [3, 3] },
  { input: [5, 14, 4], kernel: [1, 7], pad: [0, 0, 3, 3], bits: 4 },
  { input: [9, 5, 16], kernel: [6, 1], pad: [2, 3, 0, 0], isUnsigned: true },
  { input: [10, 9, 8], kernel: [3, 4], strides: [1, 3], dilations: [2, 1], pad: [2, 2, 1, 2], classes: true },
  { input: [7, 15, 8], kernel: [2, 9], pad: [1, 0, 4, 4], isUnsigned: true, classes: true },
  { input: [3, 3, 4], kernel: [3, 3] },
  { input: [7, 9, 13], kernel: [3, 3], pad: [1, 1, 1, 1], isUnsigned: true },
  { input: [8, 8, 6], kernel: [5, 3], strides: [2, 2], classes: true },
  { input: [5, 6, 7], kernel: [3, 3] },
];

function depthwise(random: Random, window: DepthwiseWindow, name: string): LinearCase {
  const channels = window.input[2];
  return windowCase(name, random, window, { op: 'depthwise-conv2d', outputs: channels, weightShape: [...window.kernel, channels, 1], output: { bits: 8, signed: window.isUnsignedOutput !== true } });
}

const random = new Random(63);
const cases = WINDOWS.map((window, i) => depthwise(random, window, `window ${i}`));
const graph = { ...mergeGraphs(cases.map((one) => one.graph)), name: 'depthwise' };

test('equal the simulator', async () => {
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.template), WINDOWS.map(() => 'depthwise-conv2d'));
  await expectFirmwareMatchesSimulator([{ name: 'windows', graph, inputs: [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!)) }], ['cuda']);
});

test('no floating point, no register in memory', async () => {
  await expectCudaProofs(graph);
});

test.run();
