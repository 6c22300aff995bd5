import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { behindLargeLayer, countFamily, dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, rangeOf } from '../../support/linear-cases.js';

const conv2d = suite('dsp conv2d');

const SEED = 70;

interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
  readonly input: readonly [number, number, number];
  readonly outputs: number;
}

function layer(random: Random, name: string, { kernel, strides, dilations = [1, 1], pad, input, outputs }: Window): LinearCase {
  const type = random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const [low, high] = rangeOf(type);
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  const padded = random.pick([zeroPoint, zeroPoint, random.integer(low, high)]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - (dilations[axis] * (kernel[axis] - 1) + 1)) / strides[axis]) + 1;
  return dspCase(random, name, {
    op: 'conv2d',
    input: type,
    inputShape: input,
    weightShape: [outputs, ...kernel, input[2]],
    outputChannels: outputs,
    outputShape: [size(0), size(1), outputs],
    attributes: { strides, dilations, groups: 1, pad: { amounts: pad, values: padded }, inputZeroPoint: zeroPoint },
  });
}

function pointwise(random: Random, name: string): LinearCase {
  const input = [random.integer(1, 4), random.integer(3, 6), random.pick([4, 5, 6, 7, 8, 16, 21, 60, 64, 65, 66, 121, 124, 128])] as const;
  return layer(random, name, { kernel: [1, 1], strides: [1, 1], pad: [0, 0, 0, 0], input, outputs: random.integer(2, 9) });
}

function windowed(random: Random, name: string): LinearCase {
  const kernel = [random.integer(1, 5), random.integer(1, 4)] as const;
  const strides = [random.integer(1, 3), random.integer(1, 3)] as const;
  const dilations = [random.pick([1, 1, 1, 2]), random.pick([1, 1, 1, 2])] as const;
  const largest = random.pick([0, 1, 1, 2, 3]);
  const pad = [random.integer(0, largest), random.integer(0, largest), random.integer(0, largest), random.integer(0, largest)] as const;
  const size = (axis: 0 | 1) => Math.max(1, dilations[axis] * (kernel[axis] - 1) + 1 - pad[2 * axis]! - pad[2 * axis + 1]!) + strides[axis] * random.integer(1, 3);
  return layer(random, name, { kernel, strides, dilations, pad, input: [size(0), size(1), random.pick([1, 2, 3, 4, 5, 8, 12, 16])], outputs: random.integer(2, 7) });
}

/** The windows that the reference networks have, on small images. */
const KNOWN: readonly Window[] = [
  { kernel: [3, 3], strides: [1, 1], pad: [1, 1, 1, 1], input: [6, 7, 16], outputs: 16 },
  { kernel: [3, 3], strides: [2, 2], pad: [0, 1, 0, 1], input: [8, 8, 16], outputs: 32 },
  { kernel: [3, 3], strides: [2, 2], pad: [0, 1, 0, 1], input: [12, 12, 3], outputs: 8 },
  { kernel: [10, 4], strides: [2, 2], pad: [4, 5, 1, 1], input: [13, 10, 1], outputs: 64 },
  { kernel: [1, 1], strides: [2, 2], pad: [0, 0, 0, 0], input: [6, 6, 16], outputs: 32 },
  { kernel: [3, 3], strides: [1, 1], pad: [1, 1, 1, 1], input: [3, 3, 64], outputs: 5 },
  // words of a window that two rows share, one to three bytes of the first, whole ones and the last
  { kernel: [3, 3], strides: [1, 1], pad: [1, 1, 1, 1], input: [6, 9, 3], outputs: 4 },
  { kernel: [4, 7], strides: [1, 1], pad: [0, 0, 0, 0], input: [6, 12, 1], outputs: 3 },
  { kernel: [5, 5], strides: [1, 2], pad: [2, 2, 2, 2], input: [6, 15, 1], outputs: 4 },
  { kernel: [3, 2], strides: [1, 1], pad: [0, 0, 0, 0], dilations: [2, 1], input: [7, 6, 3], outputs: 3 },
  { kernel: [2, 5], strides: [1, 1], pad: [0, 0, 0, 0], input: [4, 9, 1], outputs: 2 },
];

conv2d('widens weights into free memory', async () => {
  const random = new Random(SEED + 1);
  const cases = Array.from({ length: 24 }, (_, i) => behindLargeLayer(random, `seed ${SEED + 1} case ${i}`));
  const widened = (one: LinearCase) => buildSchedule(one.graph, findTarget('cortex-m7')).steps[1]!.kernel.support?.some((s) => s.template === 'dsp/widen-weights');
  assert.ok(cases.filter(widened).length >= 16);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7']);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7'], { optimize: 'ram' });
});

for (const [target, weights] of [['cortex-m7', 'int8'], ['cortex-m4', 'int8'], ['cortex-m7', 'int16']] as const) {
  conv2d(`equals the simulator on ${target} with ${weights} weights`, async () => {
    const random = new Random(SEED);
    const cases = [
      ...Array.from({ length: 60 }, (_, i) => pointwise(random, `seed ${SEED} pointwise ${i}`)),
      ...Array.from({ length: 80 }, (_, i) => windowed(random, `seed ${SEED} windows ${i}`)),
      ...KNOWN.map((window, i) => layer(random, `known ${i}`, window)),
    ];
    const taken = countFamily(cases, 'dsp', target, { weights });
    assert.ok(taken >= 0.8 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(cases, [target], { weights });
  });
}

conv2d.run();
