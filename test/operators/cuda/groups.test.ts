/** Convolutions of several groups by dot products of bytes, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, linearCase } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('convolutions of groups on CUDA');

interface Window {
  readonly input: readonly [number, number, number];
  readonly kernel: readonly [number, number];
  readonly groups: number;
  readonly outputs: number;
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly pad?: readonly [number, number, number, number];
  readonly isUnsigned?: boolean;
  readonly classes?: boolean;
}

const WINDOWS: readonly Window[] = [
  { input: [7, 9, 32], kernel: [3, 3], groups: 4, outputs: 16, pad: [1, 1, 1, 1] },
  { input: [8, 8, 16], kernel: [3, 3], groups: 4, outputs: 48, pad: [0, 1, 0, 1], strides: [2, 2], isUnsigned: true, classes: true },
  { input: [6, 11, 24], kernel: [2, 3], groups: 2, outputs: 8, dilations: [2, 1] },
  { input: [3, 4, 40], kernel: [1, 1], groups: 5, outputs: 20, isUnsigned: true },
];

function grouped(random: Random, { input, kernel, groups, outputs, strides = [1, 1], dilations = [1, 1], pad = [0, 0, 0, 0], isUnsigned = false, classes = false }: Window, name: string): LinearCase {
  const [low, high] = isUnsigned ? [0, 255] : [-128, 127];
  const inputZeroPoint = random.integer(low, high);
  const values = random.pick([inputZeroPoint, Array.from({ length: input[2] }, () => random.integer(low, high))]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  const [height, width] = [size(0), size(1)];
  const biasClasses = classes ? { rows: Array.from({ length: height }, (_, y) => y % 2), columns: Array.from({ length: width }, (_, x) => x % 3) } : null;
  return linearCase(name, random, {
    op: 'conv2d',
    input: { bits: 8, signed: !isUnsigned },
    inputShape: input,
    weightShape: [outputs, ...kernel, input[2] / groups],
    weightBits: 8,
    output: { bits: 8 },
    outputChannels: outputs,
    outputShape: [height, width, outputs],
    biasRows: classes ? 6 : 1,
    attributes: { strides, dilations, groups, pad: { amounts: pad, values }, inputZeroPoint, ...(biasClasses && { biasClasses }) },
  });
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
