/** Depthwise convolutions by dot products of bytes: windows, strides, borders, signs, classes of the bias, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, linearCase } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('depthwise convolutions on CUDA');

interface Window {
  /** Rows, columns, channels. */
  readonly input: readonly [number, number, number];
  readonly kernel: readonly [number, number];
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly pad?: readonly [number, number, number, number];
  readonly bits?: 4 | 8;
  readonly isUnsigned?: boolean;
  readonly isUnsignedOutput?: boolean;
  readonly classes?: boolean;
}

const WINDOWS: readonly Window[] = [
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

function depthwise(random: Random, window: Window, name: string): LinearCase {
  const { input, kernel, strides = [1, 1], dilations = [1, 1], pad = [0, 0, 0, 0], bits = 8, isUnsigned = false, isUnsignedOutput = false, classes = false } = window;
  const [low, high] = isUnsigned ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const inputZeroPoint = random.integer(low, high);
  const values = random.pick([inputZeroPoint, Array.from({ length: input[2] }, () => random.integer(low, high))]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  const [height, width] = [size(0), size(1)];
  const biasClasses = classes ? { rows: Array.from({ length: height }, (_, y) => y % 2), columns: Array.from({ length: width }, (_, x) => x % 3) } : null;
  return linearCase(name, random, {
    op: 'depthwise-conv2d',
    input: { bits, signed: !isUnsigned },
    inputShape: input,
    weightShape: [...kernel, input[2], 1],
    weightBits: bits,
    output: { bits: 8, signed: !isUnsignedOutput },
    outputChannels: input[2],
    outputShape: [height, width, input[2]],
    biasRows: classes ? 6 : 1,
    attributes: { strides, dilations, pad: { amounts: pad, values }, inputZeroPoint, ...(biasClasses && { biasClasses }) },
  });
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
