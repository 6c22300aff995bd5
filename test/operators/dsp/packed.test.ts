/** Weights of few bits, packed in flash: every form in which products read them, on every core with SMLAD. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS, type ScheduleOptions } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { behindLargeLayer, countFamily, foldableRequantize } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random, type TensorOptions } from '../../support/integer-graphs.js';
import { linearCase, type LinearCase, type LinearPlan, rangeOf } from '../../support/linear-cases.js';

const packed = suite('dsp packed weights');

const SEED = 700;
const PACKED: Partial<ScheduleOptions> = { weights: 'packed' };

type Plan = Pick<LinearPlan, 'op' | 'inputShape' | 'weightShape' | 'outputChannels' | 'outputShape' | 'attributes'>;

function layerOf(random: Random, name: string, weightBits: number, input: TensorOptions, plan: Plan): LinearCase {
  const output = random.pick<TensorOptions>([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  return linearCase(name, random, { ...plan, input, weightBits, biasRows: 1, output, requantize: (reach) => foldableRequantize(random, plan.outputChannels, reach, output) }, 3);
}

function inputOf(random: Random): { readonly input: TensorOptions; readonly zeroPoint: number; readonly padCode: number } {
  const input = random.pick<TensorOptions>([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const [low, high] = rangeOf(input);
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  return { input, zeroPoint, padCode: random.pick([zeroPoint, random.integer(low, high)]) };
}

function convolution(random: Random, name: string, weightBits: number): LinearCase {
  const { input, zeroPoint, padCode } = inputOf(random);
  const kernel = random.pick([[1, 1], [1, 1], [3, 3], [random.integer(1, 4), random.integer(1, 4)]] as const);
  const strides = kernel[0] * kernel[1] === 1 ? [1, 1] : [random.integer(1, 2), random.integer(1, 2)];
  const pad = kernel[0] * kernel[1] === 1 ? 0 : random.integer(0, 1);
  const channels = random.pick([3, 4, 5, 7, 8, 12, 16, 21, 60, 64, 65, 124, 130]);
  const [height, width] = [kernel[0] + random.integer(1, 4), kernel[1] + random.integer(1, 4)];
  const outputs = random.integer(2, 9);
  const size = (length: number, axis: 0 | 1) => Math.floor((length + 2 * pad - kernel[axis]) / strides[axis]!) + 1;
  return layerOf(random, name, weightBits, input, {
    op: 'conv2d',
    inputShape: [height, width, channels],
    weightShape: [outputs, ...kernel, channels],
    outputChannels: outputs,
    outputShape: [size(height, 0), size(width, 1), outputs],
    attributes: { strides, dilations: [1, 1], groups: 1, pad: { amounts: [pad, pad, pad, pad], values: padCode }, inputZeroPoint: zeroPoint },
  });
}

function dense(random: Random, name: string, weightBits: number): LinearCase {
  const { input, zeroPoint } = inputOf(random);
  const leading = random.pick<readonly number[]>([[], [], [2], [3], [2, 4]]);
  const depth = random.pick([random.integer(4, 140), 32, 64, 640]);
  const outputs = random.integer(4, 13);
  return layerOf(random, name, weightBits, input, {
    op: 'dense',
    inputShape: [...leading, depth],
    weightShape: [outputs, depth],
    outputChannels: outputs,
    outputShape: [...leading, outputs],
    attributes: { inputZeroPoint: zeroPoint },
  });
}

function depthwise(random: Random, name: string, weightBits: number): LinearCase {
  const { input, zeroPoint, padCode } = inputOf(random);
  const kernel = random.pick([[3, 3], [3, 3], [random.integer(1, 5), random.integer(2, 4)]] as const);
  const stride = random.integer(1, 2);
  const channels = random.pick([4, 5, 7, 8, 12, 19]);
  const [height, width] = [kernel[0] + random.integer(1, 6), kernel[1] + stride + random.integer(1, 6)];
  const size = (length: number, axis: 0 | 1) => Math.floor((length + 2 - kernel[axis]) / stride) + 1;
  return layerOf(random, name, weightBits, input, {
    op: 'depthwise-conv2d',
    inputShape: [height, width, channels],
    weightShape: [...kernel, channels, 1],
    outputChannels: channels,
    outputShape: [size(height, 0), size(width, 1), channels],
    attributes: { strides: [stride, stride], dilations: [1, 1], pad: { amounts: [1, 1, 1, 1], values: padCode }, inputZeroPoint: zeroPoint },
  });
}

/** Weights all at their ends and rows so long that sums of codes at the top of lanes leave 32 bits. */
function deep(random: Random, name: string): LinearCase {
  const plan = { rows: random.pick([1, 3, 20]), depth: 1500 + random.integer(0, 9), outputs: random.integer(4, 6) };
  const builder = new IntegerGraphBuilder(name);
  const x = builder.input('x', [plan.rows, plan.depth]);
  const w = builder.constant('w', [plan.outputs, plan.depth], random.codes(new Int8Array(plan.outputs * plan.depth), -8, -7), 4);
  const b = builder.constant('b', [plan.outputs], random.codes(new Int32Array(plan.outputs), -20000, 20000));
  builder.node('dense', 'y', [x, w, b], {
    attributes: { inputZeroPoint: -128 },
    requantize: foldableRequantize(random, plan.outputs, plan.depth * 255 * 8, { bits: 8 }),
    shape: [plan.rows, plan.outputs],
  });
  const codes = () => new Int8Array(plan.rows * plan.depth);
  return { name, graph: builder.build(['y']), inputs: [[codes().fill(127)], [codes().fill(-128)], [random.codes(codes(), -128, 127)]] };
}

/** Templates of the functions that a step calls. */
function supportOf(one: LinearCase, target: string, step = 0): readonly string[] {
  const { steps } = buildSchedule(one.graph, findTarget(target), { ...DEFAULT_SCHEDULE_OPTIONS, ...PACKED });
  return steps[step]!.kernel.support?.map(({ template }) => template) ?? [];
}

const WIDTHS = [4, 3, 2] as const;

for (const [target, cases] of [['cortex-m7', 45], ['cortex-m4', 20], ['cortex-m33', 20]] as const) {
  packed(`equals the simulator on ${target}`, async () => {
    const random = new Random(SEED);
    const list = Array.from({ length: cases }, (_, i) => [convolution, dense, depthwise].map((make) => make(random, `seed ${SEED} ${make.name} ${i}`, WIDTHS[i % 3]!))).flat();
    const taken = list.filter((one) => countFamily([one], 'dsp', target, PACKED) === 1);
    assert.ok(taken.length >= 0.8 * list.length, `${taken.length} of ${list.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(taken, [target], PACKED);
  });
}

packed('leaves sums the room that their bounds ask for', async () => {
  const random = new Random(SEED + 1);
  const list = Array.from({ length: 18 }, (_, i) => deep(random, `seed ${SEED + 1} deep ${i}`));
  const templates = list.map((one) => supportOf(one, 'cortex-m7').filter((name) => name.endsWith('-packed')));
  for (const name of ['dsp/products-1x4-packed', 'dsp/products-3x2-packed']) assert.ok(templates.flat().includes(name), `${name} is used`);
  await expectFirmwareMatchesSimulator(list, ['cortex-m7'], PACKED);
});

packed('widens into free memory', async () => {
  const random = new Random(SEED + 2);
  const all = Array.from({ length: 30 }, (_, i) => behindLargeLayer(random, `seed ${SEED + 2} case ${i}`, [7, 3, 1][i % 3]));
  const cases = all.filter((one) => countFamily([one], 'dsp', 'cortex-m7', PACKED) === 1);
  const widened = cases.filter((one) => supportOf(one, 'cortex-m7', 1).includes('dsp/widen-weights'));
  assert.ok(widened.length >= 12, `${widened.length} of ${cases.length} are widened`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7'], PACKED);
});

packed('codes of 4 bits take half of the bytes of int8, codes of 2 bits a quarter', () => {
  const random = new Random(SEED + 3);
  const bytesOf = (one: LinearCase, weights: ScheduleOptions['weights']) => {
    const [step] = buildSchedule(one.graph, findTarget('cortex-m7'), { ...DEFAULT_SCHEDULE_OPTIONS, weights }).steps;
    return step!.kernel.arguments.reduce((sum, a) => sum + (a.kind === 'constant' ? a.data.byteLength : 0), 0);
  };
  for (const [bits, divisor] of [[4, 2], [3, 2], [2, 4]] as const) {
    const one = layerOf(random, `w${bits}`, bits, { bits: 8 }, { op: 'dense', inputShape: [64], weightShape: [8, 64], outputChannels: 8, outputShape: [8], attributes: { inputZeroPoint: 0 } });
    assert.is(bytesOf(one, 'int8') - bytesOf(one, 'packed'), 512 - 512 / divisor);
  }
});

packed.run();
