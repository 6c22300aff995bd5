import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Requantize } from '../../../src/graph/integer.js';
import { fitLine } from '../../../src/operators/dsp/line-fit.js';
import { randomWindow } from '../../support/byte-cases.js';
import { countFamily } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, type Random, Random as Source, type TensorOptions } from '../../support/integer-graphs.js';
import { type LinearCase, samples } from '../../support/linear-cases.js';

const elementwise = suite('dsp element-wise operators, pools and softmax');

const SEED = 90;
const S8: TensorOptions = { bits: 8 };
const U8: TensorOptions = { bits: 8, signed: false };

const count = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

interface Plan {
  readonly op: string;
  readonly shapes: readonly (readonly number[])[];
  readonly type: TensorOptions;
  readonly attributes: Record<string, unknown>;
  readonly requantize?: Requantize;
  readonly shape: readonly number[];
  readonly output?: TensorOptions;
}

function single(random: Random, name: string, plan: Plan): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const ids = plan.shapes.map((shape, i) => builder.input(`x${i}`, shape, plan.type));
  builder.node(plan.op, 'y', ids, { attributes: plan.attributes as never, ...(plan.requantize && { requantize: plan.requantize }), shape: plan.shape, output: plan.output ?? plan.type });
  const vectors = plan.shapes.map((shape) => samples(random, plan.type, count(shape), 4));
  // lowest with highest, and the other way round
  const inputs = [0, 1, 2, 3].map((v) => vectors.map((list, i) => list[v < 2 && i === 1 ? 1 - v : v]!));
  return { name, graph: builder.build(['y']), inputs };
}

const zero = (random: Random) => random.integer(-128, 127);
const multiplier = (random: Random) => random.integer(2 ** 30, 2 ** 31 - 1);

function addition(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 5), random.integer(1, 5), random.integer(4, 9)];
  const op = random.pick(['add', 'sub']);
  const end = { zeroPoint: zero(random), clamp: [-128, 127] as const };
  const common = { op, shapes: [shape, shape], type: S8, shape };
  if (random.next() < 0.4) {
    const shift = random.integer(12, 20);
    const multipliers = [random.integer(100, 32767), random.integer(100, 32767)];
    return single(random, name, { ...common, attributes: { variant: 'dyadic', inputMultipliers: multipliers, offset: random.integer(-(2 ** 20), 2 ** 20) }, requantize: { mode: 'shift', rounding: 'halfUp', shift: [shift], ...end } });
  }
  // the operand of the larger scale has exactly one half
  const ratios = random.pick([[multiplier(random), 2 ** 30], [2 ** 30, multiplier(random)]]);
  const shifts = ratios.map((m) => (m === 2 ** 30 ? 0 : -random.integer(1, 4)));
  const mode = random.pick(['tfliteDouble', 'tfliteDouble', 'tfliteSingle'] as const);
  const attributes = { variant: 'tflite', inputZeroPoints: [zero(random), zero(random)], inputMultipliers: ratios, inputShifts: shifts };
  return single(random, name, { ...common, attributes, requantize: { mode, multiplier: [multiplier(random)], shift: [-random.integer(17, 20)], ...end } });
}

function product(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 4), random.integer(1, 4), random.integer(2, 9)];
  const other = random.pick([shape, [shape[2]!], [1, 1, shape[2]!], [shape[0]!, 1, 1]]);
  const zeroPoint = random.pick([-128, zero(random)]);
  const end = { zeroPoint, clamp: [-128, 127] as const };
  const mode = random.pick(['tfliteDouble', 'tfliteDouble', 'dyadic', 'dyadicHigh'] as const);
  const places = random.integer(1, 9);
  const requantize: Requantize =
    mode === 'dyadicHigh' ? { mode, multiplier: [multiplier(random) >> places], ...end } : { mode, multiplier: [multiplier(random)], shift: [mode === 'dyadic' ? 31 + places : -places], ...end };
  return single(random, name, { op: 'mul', shapes: [shape, other], type: S8, attributes: { variant: 'tflite', inputZeroPoints: [zero(random), zero(random)] }, requantize, shape });
}

function rescaling(random: Random, name: string): LinearCase {
  const shape = [random.integer(4, 23)];
  const output = random.pick([S8, U8]);
  const clamp = output === S8 ? ([-128, 127] as const) : ([0, 255] as const);
  const mode = random.pick(['tfliteDouble', 'tfliteSingle'] as const);
  const requantize: Requantize = { mode, multiplier: [multiplier(random)], shift: [random.integer(-3, 1)], zeroPoint: random.integer(clamp[0], clamp[1]), clamp };
  return single(random, name, { op: 'requantize', shapes: [shape], type: S8, attributes: { inputZeroPoint: zero(random) }, requantize, shape, output });
}

function pool(random: Random, name: string): LinearCase {
  const { kernel, strides, pad, size, output } = randomWindow(random, random.pick([2, 3, 4, 16]));
  const channels = random.pick([4, 5, 6, 7, 8, 12, 19]);
  const type = random.pick([S8, S8, U8]);
  const clamp = random.pick([type === S8 ? [-128, 127] : [0, 255], type === S8 ? [-100, 90] : [10, 250]]);
  const op = random.pick(['average-pool2d', 'max-pool2d']);
  const attributes = { ...(op === 'average-pool2d' && { variant: 'tflite' }), kernel, strides, pad, clamp };
  return single(random, name, { op, shapes: [[...size, channels]], type, attributes, shape: [...output, channels] });
}

/** 16 x 16 taps of one code: sums at the ends of 16 bits. */
function largestSums(random: Random, name: string, type: TensorOptions): LinearCase {
  const attributes = { variant: 'tflite', kernel: [16, 16], strides: [1, 1], pad: [0, 0, 0, 0], clamp: type === S8 ? [-128, 127] : [0, 255] };
  return single(random, name, { op: 'average-pool2d', shapes: [[16, 16, 6]], type, attributes, shape: [1, 1, 6] });
}

function softmax(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 3), random.integer(2, 40)];
  const shift = random.integer(18, 26);
  const diffMin = -Math.floor((31 * 2 ** 26) / 2 ** shift);
  const attributes = { variant: 'tflite', axis: random.pick([0, 1]), multiplier: multiplier(random), shift, diffMin, rounding: random.pick(['double', 'single']) };
  return single(random, name, { op: 'softmax', shapes: [shape], type: S8, attributes, shape });
}

/** Exponentials of any fall, from one that is flat to one that ends at once. */
function tableSoftmax(random: Random, name: string): LinearCase {
  const type = random.pick([S8, S8, U8]);
  const shape = [random.integer(1, 3), random.integer(2, 33), random.pick([1, 1, 3])];
  const axis = random.integer(0, 2);
  const builder = new IntegerGraphBuilder(name);
  const rate = random.pick([0, 0.001, 0.03, 0.2, 3]);
  const table = builder.constant('exponentials', [256], Uint16Array.from({ length: 256 }, (_, d) => Math.round(32768 * Math.exp(-rate * d))), 16);
  const steps = random.pick([256, 255, 100]);
  builder.node('softmax', 'y', [builder.input('x', shape, type), table], { attributes: { variant: 'dyadic', axis, steps, outputZeroPoint: random.pick([-128, 0, -5]) }, shape, output: S8 });
  return { name, graph: builder.build(['y']), inputs: samples(random, type, count(shape), 4).map((codes) => [codes]) };
}

/** Adjacent axes of any place; at times more elements than the sum of a lane can hold. */
function reduction(random: Random, name: string): LinearCase {
  const type = random.pick([S8, S8, U8]);
  const shape = random.pick([
    [random.integer(1, 3), random.integer(1, 9), random.integer(1, 9), random.integer(4, 11)],
    [random.integer(1, 2), random.integer(250, 530), random.integer(4, 6)],
    [random.integer(1, 4), random.integer(4, 40)],
  ]);
  const first = random.integer(0, shape.length - 1);
  const axes = Array.from({ length: random.integer(1, shape.length - first) }, (_, i) => first + i);
  const taps = count(axes.map((axis) => shape[axis]!));
  const requantize: Requantize = { mode: 'dyadic', multiplier: [Math.floor((multiplier(random) * 0.9) / taps)], shift: [30], zeroPoint: zero(random), clamp: [-128, 127] };
  const kept = shape.filter((_, axis) => !axes.includes(axis));
  return single(random, name, { op: 'reduce', shapes: [shape], type, attributes: { function: random.pick(['mean', 'sum']), axes, keepDims: false, inputZeroPoint: zero(random) }, requantize, shape: kept, output: S8 });
}

for (const target of ['cortex-m7', 'cortex-m4']) {
  elementwise(`equal the simulator on ${target}`, async () => {
    const random = new Source(SEED);
    const many = (n: number, make: (random: Random, name: string) => LinearCase) => Array.from({ length: n }, (_, i) => make(random, `seed ${SEED} ${make.name} ${i}`));
    const cases = [...many(40, addition), ...many(30, rescaling), ...many(40, product), ...many(70, pool), ...many(25, softmax), ...many(40, tableSoftmax), ...many(60, reduction), largestSums(random, 'signed', S8), largestSums(random, 'unsigned', U8)];
    const taken = countFamily(cases, 'dsp', target);
    assert.ok(taken >= 0.9 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(cases, [target]);
  });
}

elementwise('no line is accepted where one code is out of reach', () => {
  const wanted = (a: number) => (a === 17 ? 5 : Math.floor(a / 2));
  assert.is(fitLine({ ranges: [[-128, 127], [0, 0]], slopes: [0.5, 0], clamp: [-128, 127], wanted }), null);
  const fit = fitLine({ ranges: [[-128, 127], [0, 0]], slopes: [0.5, 0], clamp: [-128, 127], wanted: (a) => Math.floor(a / 2) })!;
  for (let a = -128; a < 128; a++) assert.is((Math.floor((a * fit.multipliers[0]) / 256) + fit.constant) >> fit.shift, Math.floor(a / 2));
});

elementwise.run();
