import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { type LinearCase, linearCase, randomConvolution } from '../support/linear-cases.js';

const conv2d = suite('mve conv2d');

const SEED = 90;

interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
  readonly input: readonly [number, number, number];
  readonly outputs: number;
}

function layer(random: Random, name: string, { kernel, strides, pad, input, outputs }: Window): LinearCase {
  const bits = random.pick([8, 8, 8, 4]);
  const [low, high] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  const values = random.pick([zeroPoint, zeroPoint, random.integer(low, high), Array.from({ length: input[2] }, () => random.integer(low, high))]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - kernel[axis]) / strides[axis]) + 1;
  return linearCase(name, random, {
    op: 'conv2d',
    input: { bits },
    inputShape: input,
    weightShape: [outputs, ...kernel, input[2]],
    weightBits: random.pick([8, 8, 8, 4]),
    output: random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 5 }]),
    outputChannels: outputs,
    outputShape: [size(0), size(1), outputs],
    biasRows: 1,
    attributes: { strides, dilations: [1, 1], groups: 1, pad: { amounts: pad, values }, inputZeroPoint: zeroPoint },
  });
}

function pointwise(random: Random, name: string): LinearCase {
  const input = [random.integer(1, 4), random.integer(1, 6), random.pick([1, 2, 3, 7, 8, 15, 16, 17, 21, 32, 33, 60, 64, 106])] as const;
  return layer(random, name, { kernel: [1, 1], strides: [1, 1], pad: [0, 0, 0, 0], input, outputs: random.integer(1, 19) });
}

function windowed(random: Random, name: string): LinearCase {
  const kernel = [random.integer(1, 5), random.integer(1, 4)] as const;
  const strides = [random.integer(1, 3), random.integer(1, 3)] as const;
  const pad = [0, 0, 1, 1].map((axis) => random.integer(0, kernel[axis]! - 1)) as unknown as Window['pad'];
  const size = (axis: 0 | 1) => Math.max(1, kernel[axis] - pad[2 * axis]! - pad[2 * axis + 1]!) + strides[axis] * random.integer(1, 3);
  return layer(random, name, { kernel, strides, pad, input: [size(0), size(1), random.pick([1, 2, 3, 5, 8, 12, 16, 17])], outputs: random.integer(1, 9) });
}

/** The windows that the reference networks have, on small images. */
const KNOWN: readonly Window[] = [
  { kernel: [3, 3], strides: [1, 1], pad: [1, 1, 1, 1], input: [6, 7, 16], outputs: 16 },
  { kernel: [3, 3], strides: [2, 2], pad: [0, 1, 0, 1], input: [8, 8, 16], outputs: 32 },
  { kernel: [3, 3], strides: [2, 2], pad: [0, 1, 0, 1], input: [12, 12, 3], outputs: 8 },
  { kernel: [10, 4], strides: [2, 2], pad: [4, 5, 1, 1], input: [13, 10, 1], outputs: 64 },
  { kernel: [1, 1], strides: [2, 2], pad: [0, 0, 0, 0], input: [6, 6, 16], outputs: 32 },
  { kernel: [3, 3], strides: [1, 1], pad: [1, 1, 1, 1], input: [3, 3, 64], outputs: 5 },
];

conv2d('equals the simulator', async () => {
  const random = new Random(SEED);
  const cases = [
    ...Array.from({ length: 60 }, (_, i) => pointwise(random, `seed ${SEED} pointwise ${i}`)),
    ...Array.from({ length: 80 }, (_, i) => windowed(random, `seed ${SEED} windows ${i}`)),
    ...KNOWN.map((window, i) => layer(random, `known ${i}`, window)),
  ];
  const taken = countFamily(cases, 'mve', 'cortex-m55');
  assert.ok(taken >= 0.7 * cases.length, `${taken} of ${cases.length} run on the mve kernels`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m55']);
});

conv2d('equals the simulator on windows of every kind', async () => {
  const random = new Random(SEED + 1);
  await expectFirmwareMatchesSimulator(Array.from({ length: 60 }, (_, i) => randomConvolution(random, `seed ${SEED + 1} case ${i}`)), ['cortex-m55']);
});

conv2d.run();
