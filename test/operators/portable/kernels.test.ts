/** Kernels of cores without SIMD: random layers of every shape that they take, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { linearCase, type LinearCase, type LinearPlan, rangeOf } from '../../support/linear-cases.js';

const portable = suite('portable kernels');

const SEED = 170;
/** Eight low registers and no long multiply; thirty registers; with sanitizers. */
const TARGETS = ['cortex-m0plus', 'rv32imc', 'host'];

type Shape = Pick<LinearPlan, 'op' | 'input' | 'inputShape' | 'weightShape' | 'outputChannels' | 'outputShape' | 'attributes'>;

/** Foldable requantizations and any others in turn; the latter also with biases that depend on the place. */
function layer(random: Random, name: string, shape: Shape, classes: boolean): LinearCase {
  if (random.next() < 0.6) return dspCase(random, name, shape);
  const [height, width] = shape.outputShape as [number, number];
  const list = (length: number, count: number) => Array.from({ length }, (_, i) => (i === 0 ? count - 1 : random.integer(0, count - 1)));
  const biasClasses = classes && random.next() < 0.5 ? { rows: list(height, 3), columns: list(width, 2) } : null;
  const attributes = { ...shape.attributes, ...(biasClasses && { biasClasses }) };
  return linearCase(name, random, { ...shape, attributes, weightBits: random.pick([8, 8, 4, 2]), biasRows: biasClasses ? 6 : 1 });
}

function codes(random: Random, kinds: readonly { readonly bits: number; readonly signed?: boolean }[]) {
  const input = random.pick(kinds);
  const [low, high] = rangeOf(input);
  return { input, zeroPoint: random.pick([low, high, random.integer(low, high)]), other: random.integer(low, high) };
}

interface Window {
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  readonly pad: readonly [number, number, number, number];
  readonly size: readonly [number, number];
}

function outputSize({ kernel, strides, dilations, pad, size }: Window): readonly [number, number] {
  const along = (axis: 0 | 1) => Math.floor((size[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - (dilations[axis] * (kernel[axis] - 1) + 1)) / strides[axis]) + 1;
  return [along(0), along(1)];
}

function convolution(random: Random, name: string): LinearCase {
  const { input, zeroPoint, other } = codes(random, [{ bits: 8 }, { bits: 8 }, { bits: 4 }]);
  const isPointwise = random.next() < 0.3;
  const kernel = isPointwise ? ([1, 1] as const) : ([random.integer(1, 4), random.integer(1, 5)] as const);
  const strides = isPointwise ? ([1, 1] as const) : ([random.integer(1, 3), random.integer(1, 3)] as const);
  const dilations = [random.pick([1, 1, 2]), random.pick([1, 1, 2])] as const;
  const pads = () => (isPointwise ? 0 : random.integer(0, 2));
  const pad = [pads(), pads(), pads(), pads()] as const;
  const size = [0, 1].map((axis) => Math.max(1, dilations[axis]! * (kernel[axis]! - 1) + 1) + strides[axis]! * random.integer(1, 5)) as [number, number];
  const channels = random.pick([1, 2, 3, 4, 7, 8, 12]);
  const outputs = random.integer(4, 11);
  const [height, width] = outputSize({ kernel, strides, dilations, pad, size });
  const values = random.pick<number | number[]>([zeroPoint, zeroPoint, other, Array.from({ length: channels }, () => random.integer(...rangeOf(input)))]);
  return layer(random, name, {
    op: 'conv2d',
    input,
    inputShape: [...size, channels],
    weightShape: [outputs, ...kernel, channels],
    outputChannels: outputs,
    outputShape: [height, width, outputs],
    attributes: { strides, dilations, groups: 1, pad: { amounts: pad, values }, inputZeroPoint: zeroPoint },
  }, true);
}

function depthwise(random: Random, name: string): LinearCase {
  const { input, zeroPoint, other } = codes(random, [{ bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const strides = random.pick([[1, 1], [1, 1], [2, 2], [2, 1], [1, 2], [3, 2]] as const);
  const pad = random.pick([[1, 1, 1, 1], [1, 1, 1, 1], [0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0]] as const);
  const window: Window = { kernel: [3, 3], strides, dilations: [1, 1], pad, size: [random.integer(3, 8), random.integer(3, 8)] };
  const channels = random.integer(1, 7);
  const [height, width] = outputSize(window);
  return layer(random, name, {
    op: 'depthwise-conv2d',
    input,
    inputShape: [...window.size, channels],
    weightShape: [3, 3, channels, 1],
    outputChannels: channels,
    outputShape: [height, width, channels],
    attributes: { strides, dilations: [1, 1], pad: { amounts: pad, values: random.pick([zeroPoint, zeroPoint, other]) }, inputZeroPoint: zeroPoint },
  }, false);
}

function dense(random: Random, name: string): LinearCase {
  const { input, zeroPoint } = codes(random, [{ bits: 8 }, { bits: 5 }]);
  const [depth, outputs] = [random.pick([1, 3, 4, 5, 8, 17, 64, 330]), random.integer(1, 13)];
  const leading = random.pick([[], [], [3]]);
  return layer(random, name, {
    op: 'dense',
    input,
    inputShape: [...leading, depth],
    weightShape: [outputs, depth],
    outputChannels: outputs,
    outputShape: [...leading, outputs],
    attributes: { inputZeroPoint: zeroPoint },
  }, false);
}

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
  await check(Array.from({ length: 44 }, (_, i) => convolution(random, `seed ${SEED + 1} case ${i}`)), 'portable/conv2d-pairs', 0.7);
});

portable('depthwise, channel by channel', async () => {
  const random = new Random(SEED + 2);
  await check(Array.from({ length: 44 }, (_, i) => depthwise(random, `seed ${SEED + 2} case ${i}`)), 'portable/depthwise-3x3', 0.7);
});

portable('dense, four channels at a time', async () => {
  const random = new Random(SEED + 3);
  await check(Array.from({ length: 32 }, (_, i) => dense(random, `seed ${SEED + 3} case ${i}`)), 'portable/dense', 0.9);
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
