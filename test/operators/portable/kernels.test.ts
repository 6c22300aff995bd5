/** Kernels of cores without SIMD: random layers of every shape that they take, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import type { LinearCase } from '../../support/linear-cases.js';
import { portableConvolution, portableDense, portableDepthwise } from '../../support/portable-cases.js';

const portable = suite('portable kernels');

const SEED = 170;
/** Eight low registers and no long multiply; thirty registers; with sanitizers. */
const TARGETS = ['cortex-m0plus', 'rv32imc', 'host'];

/** Every weight and every code at an end of its range: sums of two products at the edge of 16 bits, and sums beyond 21 bits. */
function extreme(weight: number, next: number, channels: number): LinearCase {
  const random = new Random(SEED);
  const one = dspCase(random, `weights ${weight} and ${next}, ${channels} channels`, {
    op: 'conv2d',
    input: { bits: 8 },
    inputShape: [2, 4, channels],
    weightShape: [4, 1, 1, channels],
    outputChannels: 4,
    outputShape: [2, 4, 4],
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: -128 }, inputZeroPoint: -128 },
  });
  const weights = one.graph.tensors.get(one.graph.nodes[0]!.inputs[1]!)!.constant!.data;
  for (let i = 0; i < weights.length; i++) weights[i] = i % 2 === 0 ? weight : next;
  const alternating = Int8Array.from({ length: 8 * channels }, (_, i) => (i % 2 === 0 ? -128 : 127));
  return { ...one, inputs: [...one.inputs, [alternating], [alternating.map((v) => -1 - v)]] };
}

async function check(cases: readonly LinearCase[], template: string, leastShare: number): Promise<void> {
  const options = { ...DEFAULT_SCHEDULE_OPTIONS, kernels: 'portable' };
  const taken = cases.filter(({ graph }) => buildSchedule(graph, findTarget('cortex-m0plus'), options).steps.some((s) => s.kernel.template === template));
  assert.ok(taken.length >= leastShare * cases.length, `${template} takes ${taken.length} of ${cases.length} cases`);
  await expectFirmwareMatchesSimulator(cases, TARGETS, { kernels: 'portable' });
}

portable('conv2d, four windows at a time', async () => {
  const random = new Random(SEED + 1);
  await check(Array.from({ length: 44 }, (_, i) => portableConvolution(random, `seed ${SEED + 1} case ${i}`)), 'portable/conv2d-pairs', 0.7);
});

portable('depthwise, channel by channel', async () => {
  const random = new Random(SEED + 2);
  await check(Array.from({ length: 44 }, (_, i) => portableDepthwise(random, `seed ${SEED + 2} case ${i}`)), 'portable/depthwise-3x3', 0.7);
});

portable('dense, four channels at a time', async () => {
  const random = new Random(SEED + 3);
  await check(Array.from({ length: 32 }, (_, i) => portableDense(random, `seed ${SEED + 3} case ${i}`)), 'portable/dense', 0.9);
});

portable('sums at their bounds', async () => {
  await check([extreme(127, 127, 12), extreme(-127, -128, 31), extreme(127, -128, 70), extreme(-127, 127, 70)], 'portable/conv2d-pairs', 1);
});

portable('two weights of -128 are left to the kernel that sums them one by one', () => {
  const { graph } = extreme(-128, -128, 8);
  const templates = buildSchedule(graph, findTarget('cortex-m0plus'), DEFAULT_SCHEDULE_OPTIONS).steps.map((s) => s.kernel.template);
  assert.equal(templates, ['dense']);
});

portable.run();
