import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { type LinearCase, linearCase, randomDepthwise } from '../support/linear-cases.js';

const depthwise = suite('mve depthwise-conv2d');

const SEED = 93;

function layer(random: Random, name: string): LinearCase {
  const channels = random.pick([1, 3, 8, 15, 16, 16, 17, 25, 30, 31, 32, 47, 57, 60, 64]);
  const kernel = random.pick([[3, 3], [3, 3], [3, 3], [1, 1], [2, 2], [1, 4], [4, 2], [5, 1], [2, 3], [10, 1], [5, 3], [3, 4]]) as readonly [number, number];
  const strides = [random.pick([1, 1, 2, 3]), random.pick([1, 1, 2, 3])];
  const pad = random.pick([[0, 0, 0, 0], [1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 2, 2], [3, 2, 1, 0]]);
  const bits = random.pick([8, 8, 8, 4]);
  const [low, high] = [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  const values = random.pick([zeroPoint, zeroPoint, random.integer(low, high), Array.from({ length: channels }, () => random.integer(low, high))]);
  const input = [0, 1].map((axis) => Math.max(1, kernel[axis]! - pad[2 * axis]! - pad[2 * axis + 1]!) + random.integer(0, 6));
  const output = [0, 1].map((axis) => Math.floor((input[axis]! + pad[2 * axis]! + pad[2 * axis + 1]! - kernel[axis]!) / strides[axis]!) + 1);
  return linearCase(name, random, {
    op: 'depthwise-conv2d',
    input: { bits },
    inputShape: [...input, channels],
    weightShape: [...kernel, channels, 1],
    weightBits: random.pick([8, 8, 8, 4]),
    output: random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 5 }]),
    outputChannels: channels,
    outputShape: [...output, channels],
    biasRows: 1,
    attributes: { strides, dilations: [1, 1], pad: { amounts: pad, values }, inputZeroPoint: zeroPoint },
  });
}

depthwise('equals the simulator', async () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: 150 }, (_, i) => layer(random, `seed ${SEED} case ${i}`));
  const taken = countFamily(cases, 'mve', 'cortex-m55');
  assert.ok(taken >= 0.5 * cases.length, `${taken} of ${cases.length} run on the mve kernels`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m55']);
});

depthwise('equals the simulator on windows of every kind', async () => {
  const random = new Random(SEED + 1);
  await expectFirmwareMatchesSimulator(Array.from({ length: 60 }, (_, i) => randomDepthwise(random, `seed ${SEED + 1} case ${i}`)), ['cortex-m55']);
});

depthwise.run();
