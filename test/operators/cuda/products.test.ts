/** Convolutions and dense layers on tensor cores: every tile, every width of the copies, padding, strides, signs, classes of the bias, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { columnsFor } from '../../../src/operators/cuda/wgmma.js';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { type LinearCase, randomRequantize } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';
import { type Window, windowCase } from '../../support/window-cases.js';

const test = suite('products on CUDA');

interface ProductWindow extends Window {
  readonly outputs: number;
  readonly outputBits?: 8 | 16;
}

/** Rows and columns of tiles, granules of 1, 4 and 16 bytes, one and several stages. */
const WINDOWS: readonly ProductWindow[] = [
  { input: [6, 7, 3], kernel: [3, 3], outputs: 16, pad: [1, 1, 1, 1] },
  { input: [5, 5, 4], kernel: [3, 2], outputs: 20, strides: [2, 1], pad: [0, 1, 1, 0], isUnsigned: true },
  { input: [12, 13, 16], kernel: [3, 3], outputs: 48, pad: [1, 1, 1, 1] },
  { input: [6, 6, 32], kernel: [1, 1], outputs: 130, isUnsigned: true },
  { input: [7, 5, 16], kernel: [1, 1], outputs: 64, strides: [2, 2] },
  { input: [9, 8, 16], kernel: [3, 3], outputs: 96, dilations: [2, 2], pad: [2, 2, 2, 2], classes: true },
  { input: [3, 4, 12], kernel: [1, 1], outputs: 32, outputBits: 16 },
  { input: [4, 4, 64], kernel: [4, 4], outputs: 256 },
  { input: [9, 7, 128], kernel: [3, 3], outputs: 168, strides: [2, 2], pad: [1, 1, 1, 1], isUnsigned: true },
  { input: [11, 13, 80], kernel: [1, 1], outputs: 64 },
  { input: [5, 6, 64], kernel: [2, 3], outputs: 132, outputBits: 16, isUnsigned: true, pad: [1, 0, 1, 1] },
  { input: [17, 19, 3], kernel: [7, 7], outputs: 32, strides: [2, 2], pad: [3, 3, 3, 3], classes: true },
  { input: [6, 7, 61], kernel: [1, 1], outputs: 30 },
  { input: [5, 7, 131], kernel: [1, 1], outputs: 64, isUnsigned: true },
  { input: [9, 8, 1], kernel: [3, 4], outputs: 9, dilations: [2, 1], isUnsigned: true },
  { input: [5, 9, 5], kernel: [1, 2], outputs: 48, pad: [0, 0, 1, 0] },
  { input: [9, 9, 3], kernel: [3, 3], outputs: 10, strides: [3, 3], dilations: [1, 2], isUnsigned: true },
  { input: [6, 5, 24], kernel: [3, 3], outputs: 24, pad: [1, 1, 1, 1], bits: 4 },
  { input: [5, 6, 32], kernel: [3, 2], outputs: 64, strides: [2, 1], pad: [0, 1, 1, 0], isUnsigned: true, bits: 4, classes: true },
  { input: [7, 3, 16], kernel: [1, 1], outputs: 20, isUnsigned: true, bits: 3 },
  { input: [4, 4, 40], kernel: [3, 3], outputs: 128, bits: 4 },
];

function convolution(random: Random, window: ProductWindow, name: string): LinearCase {
  const { input, kernel, outputs, outputBits = 8 } = window;
  return windowCase(name, random, window, { op: 'conv2d', outputs, weightShape: [outputs, ...kernel, input[2]], output: { bits: outputBits }, attributes: { groups: 1 } });
}

function depthOf({ input: [, , channels], kernel: [height, width] }: Window): number {
  return height * width * channels;
}

function isForWarpgroups(window: ProductWindow): boolean {
  const { input, outputs, bits = 8 } = window;
  return bits === 8 && input[2] % 16 === 0 && outputs >= 48 && depthOf(window) >= 64;
}

test('tiles of warpgroups have few columns for nobody', () => {
  const widths = [[64, 576], [96, 400], [384, 384], [1152, 384], [1536, 384], [384, 1536], [192, 256], [512, 4608], [1000, 2048]] as const;
  assert.equal(widths.map(([outputs, depth]) => columnsFor(outputs, depth)), [64, 128, 128, 128, 128, 192, 192, 256, 256]);
});

test('equal the simulator', async () => {
  const random = new Random(61);
  const cases = WINDOWS.map((window, i) => convolution(random, window, `window ${i}`));
  const graph = mergeGraphs(cases.map((one) => one.graph));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.template), WINDOWS.map(() => 'conv2d'));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.stem.endsWith('mma4')), WINDOWS.map(({ bits = 8 }) => bits <= 4));
  const variants = buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => (kernel.variants ?? []).map(({ stem }) => stem.split('_').at(-1)));
  const smaller = (outputs: number): readonly string[] => (outputs <= 16 ? ['32x16'] : outputs <= 96 ? ['32x32'] : ['32x32', '64x64']);
  assert.equal(variants, WINDOWS.map((window) => [...(isForWarpgroups(window) ? [`128x${columnsFor(window.outputs, depthOf(window))}`, '64x64'] : []), ...smaller(window.outputs)]));
  assert.is(WINDOWS.filter(isForWarpgroups).length, 6);
  const inputs = [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!));
  await expectFirmwareMatchesSimulator([{ name: 'windows', graph, inputs }], ['cuda']);
});

test('nvcc keeps products of warpgroups under way and no register in memory', async () => {
  const random = new Random(63);
  const cases = WINDOWS.filter(isForWarpgroups).slice(-3).map((window, i) => convolution(random, window, `window ${i}`));
  await expectCudaProofs(mergeGraphs(cases.map((one) => one.graph)));
});

/** A product whose codes an addition joins with another activation, in either order of its operands. */
function residual(random: Random, { isSecond, outputs, isTflite }: { readonly isSecond: boolean; readonly outputs: number; readonly isTflite: boolean }) {
  const builder = new IntegerGraphBuilder();
  const [rows, depth] = [7, 96];
  const x = builder.input('x', [rows, depth]);
  const other = builder.input('other', [rows, outputs]);
  const weights = builder.constant('weights', [outputs, depth], random.codes(new Int8Array(outputs * depth), -127, 127));
  const bias = builder.constant('bias', [outputs], Int32Array.from({ length: outputs }, () => random.integer(-9999, 9999)));
  const requantize = randomRequantize(random, outputs, 127 * 128 * 4, { bits: 8 });
  const product = builder.node('dense', 'product', [x, weights, bias], { shape: [rows, outputs], attributes: { inputZeroPoint: -3 }, requantize });
  const end = { zeroPoint: 5, clamp: [-128, 127] } as const;
  builder.node('add', 'y', isSecond ? [other, product] : [product, other], {
    shape: [rows, outputs],
    ...(isTflite
      ? { attributes: { variant: 'tflite', inputZeroPoints: [-3, 8], inputMultipliers: [1_500_000_000, 1_073_741_824], inputShifts: [-1, 0] }, requantize: { mode: 'tfliteDouble', multiplier: [1_717_986_918], shift: [-19], ...end } as const }
      : { attributes: { variant: 'dyadic', inputMultipliers: [77, 103], offset: -4321 }, requantize: { mode: 'shift', rounding: 'halfUp', shift: [7], ...end } as const }),
  });
  return { graph: builder.build(['y']), inputs: [0, 1, 2].map(() => [rows * depth, rows * outputs].map((length) => random.codes(new Int8Array(length), -128, 127))) };
}

test('with the sum behind them equal the simulator', async () => {
  const random = new Random(62);
  const cases = [
    residual(random, { isSecond: false, outputs: 48, isTflite: false }),
    residual(random, { isSecond: true, outputs: 21, isTflite: false }),
    residual(random, { isSecond: true, outputs: 16, isTflite: true }),
  ];
  const graph = mergeGraphs(cases.map((one) => one.graph));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ nodes }) => nodes.length), [2, 2, 2]);
  await expectFirmwareMatchesSimulator([{ name: 'sums', graph, inputs: [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!)) }], ['cuda']);
});

test.run();
