/** Convolutions and dense layers on tensor cores: every tile, every width of the copies, padding, strides, signs, classes of the bias, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, linearCase } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('products on CUDA');

interface Window {
  readonly input: readonly [number, number, number];
  readonly kernel: readonly [number, number];
  readonly outputs: number;
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly pad?: readonly [number, number, number, number];
  readonly isUnsigned?: boolean;
  readonly outputBits?: 8 | 16;
  readonly classes?: boolean;
  /** Of codes and weights. */
  readonly bits?: 3 | 4 | 8;
}

/** Rows and columns of tiles, granules of 1, 4 and 16 bytes, one and several stages. */
const WINDOWS: readonly Window[] = [
  { input: [6, 7, 3], kernel: [3, 3], outputs: 16, pad: [1, 1, 1, 1] },
  { input: [5, 5, 4], kernel: [3, 2], outputs: 20, strides: [2, 1], pad: [0, 1, 1, 0], isUnsigned: true },
  { input: [12, 13, 16], kernel: [3, 3], outputs: 48, pad: [1, 1, 1, 1] },
  { input: [6, 6, 32], kernel: [1, 1], outputs: 130, isUnsigned: true },
  { input: [7, 5, 16], kernel: [1, 1], outputs: 64, strides: [2, 2] },
  { input: [9, 8, 16], kernel: [3, 3], outputs: 96, dilations: [2, 2], pad: [2, 2, 2, 2], classes: true },
  { input: [3, 4, 12], kernel: [1, 1], outputs: 32, outputBits: 16 },
  { input: [4, 4, 64], kernel: [4, 4], outputs: 256 },
  { input: [6, 5, 24], kernel: [3, 3], outputs: 24, pad: [1, 1, 1, 1], bits: 4 },
  { input: [5, 6, 32], kernel: [3, 2], outputs: 64, strides: [2, 1], pad: [0, 1, 1, 0], isUnsigned: true, bits: 4, classes: true },
  { input: [7, 3, 16], kernel: [1, 1], outputs: 20, isUnsigned: true, bits: 3 },
  { input: [4, 4, 40], kernel: [3, 3], outputs: 128, bits: 4 },
];

/** Several values of the zero point, so that padding is not always zero. */
function convolution(random: Random, window: Window, name: string): LinearCase {
  const { input, kernel, outputs, strides = [1, 1], dilations = [1, 1], pad = [0, 0, 0, 0], isUnsigned = false, outputBits = 8, classes = false, bits = 8 } = window;
  const [low, high] = isUnsigned ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const inputZeroPoint = random.integer(low, high);
  const values = random.pick([inputZeroPoint, Array.from({ length: input[2] }, () => random.integer(low, high))]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  const [height, width] = [size(0), size(1)];
  const biasClasses = classes ? { rows: Array.from({ length: height }, (_, y) => y % 2), columns: Array.from({ length: width }, (_, x) => x % 3) } : null;
  return linearCase(name, random, {
    op: 'conv2d',
    input: { bits, signed: !isUnsigned },
    inputShape: input,
    weightShape: [outputs, ...kernel, input[2]],
    weightBits: bits,
    output: { bits: outputBits },
    outputChannels: outputs,
    outputShape: [height, width, outputs],
    biasRows: classes ? 6 : 1,
    attributes: { strides, dilations, groups: 1, pad: { amounts: pad, values }, inputZeroPoint, ...(biasClasses && { biasClasses }) },
  });
}

test('equal the simulator', async () => {
  const random = new Random(61);
  const cases = WINDOWS.map((window, i) => convolution(random, window, `window ${i}`));
  const graph = mergeGraphs(cases.map((one) => one.graph));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.template), WINDOWS.map(() => 'conv2d'));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.stem.endsWith('mma4')), WINDOWS.map(({ bits = 8 }) => bits <= 4));
  const inputs = [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!));
  await expectFirmwareMatchesSimulator([{ name: 'windows', graph, inputs }], ['cuda']);
});

test.run();
