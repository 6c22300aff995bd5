import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily, dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { type LinearCase, rangeOf } from '../../support/linear-cases.js';

const depthwise = suite('dsp depthwise-conv2d');

const SEED = 80;

interface Window {
  readonly input: readonly [number, number, number];
  readonly stride: number;
  readonly pad: readonly [number, number, number, number];
  readonly multiplier?: number;
}

function layer(random: Random, name: string, { input, stride, pad, multiplier = 1 }: Window): LinearCase {
  const type = random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const [low, high] = rangeOf(type);
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  const padded = random.pick([zeroPoint, zeroPoint, random.integer(low, high)]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - 3) / stride) + 1;
  const channels = input[2] * multiplier;
  return dspCase(random, name, {
    op: 'depthwise-conv2d',
    input: type,
    inputShape: input,
    weightShape: [3, 3, input[2], multiplier],
    outputChannels: channels,
    outputShape: [size(0), size(1), channels],
    attributes: { strides: [stride, stride], dilations: [1, 1], pad: { amounts: pad, values: padded }, inputZeroPoint: zeroPoint },
  });
}

function randomLayer(random: Random, name: string): LinearCase {
  const stride = random.pick([1, 1, 2]);
  const pad = [0, 1, 2, 3].map(() => random.integer(0, 1)) as unknown as Window['pad'];
  const least = (axis: 0 | 1) => Math.max(1, 3 - pad[2 * axis]! - pad[2 * axis + 1]!);
  const height = least(0) + random.integer(0, 8);
  // at least two columns of outputs
  const width = least(1) + stride + random.integer(0, 8);
  return layer(random, name, { input: [height, width, random.pick([4, 4, 5, 6, 7, 8, 9, 12, 19])], stride, pad, multiplier: random.pick([1, 1, 1, 2, 3]) });
}

/** The shapes of the reference networks, with fewer channels. */
const KNOWN: readonly Window[] = [
  { input: [25, 5, 8], stride: 1, pad: [1, 1, 1, 1] },
  { input: [48, 48, 4], stride: 1, pad: [1, 1, 1, 1] },
  { input: [48, 48, 4], stride: 2, pad: [0, 1, 0, 1] },
  { input: [6, 6, 15], stride: 1, pad: [1, 1, 1, 1] },
  { input: [6, 6, 25], stride: 2, pad: [0, 1, 0, 1] },
  { input: [3, 3, 31], stride: 1, pad: [1, 1, 1, 1] },
  { input: [11, 11, 6], stride: 2, pad: [1, 1, 1, 1] },
];

for (const [target, optimize] of [['cortex-m7', 'speed'], ['cortex-m4', 'ram']] as const) {
  depthwise(`equals the simulator on ${target} for ${optimize}`, async () => {
    const random = new Random(SEED);
    const cases = [
      ...Array.from({ length: 200 }, (_, i) => randomLayer(random, `seed ${SEED} case ${i}`)),
      ...KNOWN.flatMap((window, i) => [0, 1, 2].map((k) => layer(random, `known ${i}.${k}`, window))),
    ];
    const taken = countFamily(cases, 'dsp', target);
    assert.ok(taken >= 0.9 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(cases, [target], { optimize });
  });
}

/** Any window, strides and dilations, with a code of padding for every channel now and then. */
function generalLayer(random: Random, name: string): LinearCase {
  const type = random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }]);
  const [low, high] = rangeOf(type);
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  const kernel = [random.integer(1, 5), random.integer(2, 5)];
  const strides = [random.integer(1, 3), random.integer(1, 2)];
  const dilations = [random.pick([1, 1, 2]), random.pick([1, 1, 3])];
  const pad = [0, 1, 2, 3].map(() => random.integer(0, 2));
  const channels = random.pick([4, 5, 6, 7, 8, 13, 16]);
  const span = (axis: number) => dilations[axis]! * (kernel[axis]! - 1) + 1;
  const input = [0, 1].map((axis) => Math.max(1, span(axis) - pad[2 * axis]! - pad[2 * axis + 1]!) + random.integer(0, 5));
  const output = [0, 1].map((axis) => Math.floor((input[axis]! + pad[2 * axis]! + pad[2 * axis + 1]! - span(axis)) / strides[axis]!) + 1);
  const values = random.pick([zeroPoint, Array.from({ length: channels }, () => random.integer(low, high))]);
  return dspCase(random, name, {
    op: 'depthwise-conv2d',
    input: type,
    inputShape: [...input, channels],
    weightShape: [...kernel, channels, 1],
    outputChannels: channels,
    outputShape: [...output, channels],
    attributes: { strides, dilations, pad: { amounts: pad, values }, inputZeroPoint: zeroPoint },
  });
}

depthwise('any window equals the simulator', async () => {
  const random = new Random(SEED + 2);
  const cases = Array.from({ length: 120 }, (_, i) => generalLayer(random, `seed ${SEED + 2} case ${i}`));
  const taken = countFamily(cases, 'dsp', 'cortex-m7');
  assert.ok(taken >= 0.9 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7']);
});

/** Three layers: the planes let the second and the third take the place of their input. */
function chain(random: Random, name: string, input: readonly [number, number, number]): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const channels = input[2];
  const attributes = { strides: [1, 1], dilations: [1, 1], pad: { amounts: [1, 1, 1, 1], values: -128 }, inputZeroPoint: -128 };
  let last = builder.input('x', input, { bits: 8 });
  for (const i of [0, 1, 2]) {
    const weights = builder.constant(`w${i}`, [3, 3, channels, 1], random.codes(new Int8Array(9 * channels), -128, 127));
    const bias = builder.constant(`b${i}`, [channels], random.codes(new Int32Array(channels), -20000, 20000));
    const multiplier = Array.from({ length: channels }, () => random.integer(2 ** 30, 2 ** 31 - 1));
    const shift = multiplier.map(() => -random.integer(6, 9));
    last = builder.node('depthwise-conv2d', `y${i}`, [last, weights, bias], { attributes, requantize: { mode: 'tfliteDouble', multiplier, shift, zeroPoint: -128, clamp: [-128, 127] }, shape: input });
  }
  const codes = () => random.codes(new Int8Array(input.reduce((a, b) => a * b)), -128, 127);
  return { name, graph: builder.build([last]), inputs: [[codes()], [codes()]] };
}

depthwise('writes over its input', async () => {
  const random = new Random(SEED + 1);
  const cases = [[12, 12, 7], [7, 5, 16], [9, 2, 5]].map((shape, i) => chain(random, `chain ${i}`, shape as [number, number, number]));
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7', 'cortex-m33']);
});

depthwise.run();
