/** Random pools, look-ups and element-wise layers of bytes, of every form that the integer graph has. */
import type { Attributes } from '../../src/graph/float.js';
import type { Requantize } from '../../src/graph/integer.js';
import { foldableRequantize } from './dsp-cases.js';
import { IntegerGraphBuilder, type Random, type TensorOptions } from './integer-graphs.js';
import { exponentBits } from '../../src/operators/shift-functions.js';
import { lanes, type LinearCase, rangeOf, samples } from './linear-cases.js';

export type ElementwiseMaker = (random: Random, name: string) => LinearCase;

const S8: TensorOptions = { bits: 8 };
const U8: TensorOptions = { bits: 8, signed: false };
const S4: TensorOptions = { bits: 4 };

const count = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);

interface Plan {
  readonly op: string;
  readonly inputs: readonly { readonly shape: readonly number[]; readonly type: TensorOptions }[];
  readonly attributes: Attributes;
  readonly requantize?: (reach: number) => Requantize;
  readonly shape: readonly number[];
  readonly output: TensorOptions;
  /** Adds constants behind the inputs. */
  readonly constants?: (builder: IntegerGraphBuilder) => readonly string[];
}

/** One node; a requantization that fits the accumulators. */
function single(random: Random, name: string, plan: Plan): LinearCase {
  const build = (requantize?: Requantize) => {
    const builder = new IntegerGraphBuilder(name);
    const ids = plan.inputs.map(({ shape, type }, i) => builder.input(`x${i}`, shape, type));
    builder.node(plan.op, 'y', [...ids, ...(plan.constants?.(builder) ?? [])], { attributes: plan.attributes, ...(requantize && { requantize }), shape: plan.shape, output: plan.output });
    return builder.build(['y']);
  };
  const draft = build(plan.requantize && { mode: 'dyadic', multiplier: [1], shift: [31], zeroPoint: 0, clamp: [0, 0] });
  const reach = Math.max(1, ...(draft.nodes[0]!.bounds?.accumulator.flat() ?? []).map(Math.abs));
  const graph = plan.requantize ? build(plan.requantize(reach)) : draft;
  const vectors = plan.inputs.map(({ shape, type }) => samples(random, type, count(shape), 4));
  // lowest with highest, and the other way round
  return { name, graph, inputs: [0, 1, 2, 3].map((v) => vectors.map((list, i) => list[v < 2 && i === 1 ? 1 - v : v]!)) };
}

/** A window of at most `most` rows and columns that meets the input wherever it lies. */
export function randomWindow(random: Random, most: number) {
  const kernel = [random.integer(1, most), random.integer(1, most)];
  const strides = [random.integer(1, 3), random.integer(1, 3)];
  const pad = [0, 0, 0, 0].map((_, i) => random.integer(0, Math.min(2, kernel[i >> 1]! - 1)));
  const size = [0, 1].map((axis) => Math.max(1, kernel[axis]! - pad[2 * axis]! - pad[2 * axis + 1]!) + Math.max(...pad) + random.integer(0, 3));
  const output = [0, 1].map((axis) => Math.floor((size[axis]! + pad[2 * axis]! + pad[2 * axis + 1]! - kernel[axis]!) / strides[axis]!) + 1);
  return { kernel, strides, pad, size, output };
}

/** A clamp that is the whole range, or less. */
function clampOf(random: Random, type: TensorOptions): number[] {
  const [low, high] = rangeOf(type);
  return random.next() < 0.5 ? [low, high] : [low + random.integer(1, 3), high - random.integer(1, 3)];
}

export function poolCase(random: Random, name: string): LinearCase {
  const { kernel, strides, pad, size, output } = randomWindow(random, random.pick([2, 3, 4, 16]));
  const channels = random.pick([1, 2, 5, 7, 8, 12, 15, 16, 17, 32, 41]);
  const type = random.pick([S8, S8, U8, S4]);
  const attributes = { kernel, strides, pad };
  const common = { inputs: [{ shape: [...size, channels], type }], shape: [...output, channels] };
  const form = random.pick(['max', 'tflite', 'dyadic', 'dyadic'] as const);
  if (form === 'max') return single(random, name, { ...common, op: 'max-pool2d', attributes: { ...attributes, clamp: clampOf(random, type) }, output: type });
  if (form === 'tflite') return single(random, name, { ...common, op: 'average-pool2d', attributes: { ...attributes, variant: 'tflite', clamp: clampOf(random, type) }, output: type });
  const countIncludePad = random.next() < 0.4;
  const units = kernel.map((k) => (countIncludePad ? k : [1, 1, 2, 6, 12][k] ?? 720720));
  if (units.some((u) => u > 12)) return single(random, name, { ...common, op: 'max-pool2d', attributes: { ...attributes, clamp: clampOf(random, type) }, output: type });
  const target = random.pick([S8, U8, S4]);
  return single(random, name, {
    ...common,
    op: 'average-pool2d',
    attributes: { ...attributes, variant: 'dyadic', countIncludePad, inputZeroPoint: random.integer(...rangeOf(type)), rowUnits: units[0]!, columnUnits: units[1]! },
    requantize: (reach) => foldableRequantize(random, 1, reach, target),
    output: target,
  });
}

export function tableCase(random: Random, name: string): LinearCase {
  const [type, output] = [random.pick([S8, S8, U8, S4]), random.pick([S8, U8, S4])];
  const raw = random.next() < 0.5;
  const input = raw ? U8 : type;
  const channels = random.pick([1, 2, 3, 4, 5, 6, 16]);
  const tables = raw ? random.pick([1, channels]) : 1;
  const shape = [random.integer(1, 5), random.integer(1, 9), channels];
  const entries = tables * 2 ** input.bits!;
  const table = random.codes(lanes(output, entries), ...rangeOf(output));
  return single(random, name, {
    op: raw ? 'input-table' : 'unary',
    inputs: [{ shape, type: input }],
    attributes: {},
    shape,
    output,
    constants: (builder) => [builder.constant('table', raw ? [tables, 256] : [entries], table, output.bits!)],
  });
}

export function rescalingCase(random: Random, name: string): LinearCase {
  const [type, output] = [random.pick([S8, S8, U8, S4]), random.pick([S8, U8, S4])];
  const shape = [random.integer(1, 40)];
  return single(random, name, {
    op: 'requantize',
    inputs: [{ shape, type }],
    attributes: { inputZeroPoint: random.integer(...rangeOf(type)) },
    requantize: (reach) => foldableRequantize(random, 1, reach, output),
    shape,
    output,
  });
}

/** Rows, depths and columns around whole vectors; second operands of either order; zero points at the ends. */
export function byteMatmulCase(random: Random, name: string): LinearCase {
  const [rows, depth, columns] = [random.integer(2, 11), random.pick([1, 3, 8, 15, 16, 17, 32, 40, 64, 100]), random.integer(1, 21)];
  const transposeB = random.next() < 0.5;
  const [a, b, leading] = random.pick<readonly [number[], number[], number[]]>([[[], [], []], [[3], [3], [3]], [[2], [], [2]], [[2, 1], [1, 3], [2, 3]]]);
  const output = random.pick([S8, S8, U8, S4]);
  const zeroPoint = () => random.pick([-128, 127, 0, random.integer(-128, 127)]);
  return single(random, name, {
    op: 'matmul',
    inputs: [{ shape: [...a, rows, depth], type: S8 }, { shape: [...b, ...(transposeB ? [columns, depth] : [depth, columns])], type: S8 }],
    attributes: { transposeA: false, transposeB, inputZeroPoints: [zeroPoint(), zeroPoint()] },
    requantize: (reach) => foldableRequantize(random, 1, reach, output),
    shape: [...leading, rows, columns],
    output,
  });
}

/** Both forms, along the last axis and others. */
export function softmaxCase(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 3), random.pick([1, 2, 3, 10, 12, 16, 17, 40, 255, 300])];
  const axis = random.pick([1, 1, 1, 0]);
  if (random.next() < 0.5) {
    const shift = random.integer(18, 26);
    const attributes = { variant: 'tflite', axis, multiplier: random.integer(2 ** 30, 2 ** 31 - 1), shift, diffMin: -Math.floor((31 * 2 ** 26) / 2 ** shift), rounding: random.pick(['double', 'single']) };
    return single(random, name, { op: 'softmax', inputs: [{ shape, type: S8 }], attributes, shape, output: S8 });
  }
  const [type, output] = [random.pick([S8, S8, U8, S4]), random.pick([S8, S8, U8, S4])];
  const rate = random.pick([0, 0.001, 0.02, 0.3, 3]);
  const table = Uint16Array.from({ length: 2 ** type.bits! }, (_, d) => Math.round(32768 * Math.exp(-rate * d)));
  return single(random, name, {
    op: 'softmax',
    inputs: [{ shape, type }],
    attributes: { variant: 'dyadic', axis, steps: random.pick([256, 255, 2, random.integer(2, 256)]), outputZeroPoint: random.pick([-128, 0, random.integer(-128, 127)]) },
    shape,
    output,
    constants: (builder) => [builder.constant('exponentials', [table.length], table, 16)],
  });
}

/** Leading, middle and last axes, one or several. */
export function reductionCase(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 3), random.integer(1, 6), random.integer(1, 4), random.pick([1, 2, 7, 16, 17, 33])];
  const axes = random.pick([[3], [2, 3], [1, 2, 3], [1], [1, 2], [0, 1, 2], [0, 2]]);
  const keepDims = random.next() < 0.5;
  const kept = shape.flatMap((size, i) => (axes.includes(i) ? (keepDims ? [1] : []) : [size]));
  const type = random.pick([S8, S8, U8, S4]);
  const common = { op: 'reduce', inputs: [{ shape, type }], shape: kept };
  const kind = random.pick(['mean', 'sum', 'max'] as const);
  if (kind === 'max') return single(random, name, { ...common, attributes: { function: kind, axes, keepDims }, output: type });
  const output = random.pick([S8, U8, S4]);
  return single(random, name, {
    ...common,
    attributes: { function: kind, axes, keepDims, inputZeroPoint: random.integer(...rangeOf(type)) },
    requantize: (reach) => foldableRequantize(random, 1, reach, output),
    output,
  });
}

/** Equal shapes, a factor a channel on either side, and other broadcasts. */
export function productCase(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 4), random.integer(1, 4), random.pick([2, 5, 8, 13, 16, 24])];
  const other = random.pick([shape, shape, [shape[2]!], [1, 1, shape[2]!], [shape[0]!, 1, 1]]);
  const [type, second, output] = [random.pick([S8, S8, U8, S4]), random.pick([S8, S8, U8]), random.pick([S8, S8, U8, S4])];
  const operands = [{ shape, type }, { shape: other, type: second }];
  return single(random, name, {
    op: 'mul',
    inputs: random.next() < 0.5 ? operands : operands.reverse(),
    attributes: { variant: 'dyadic', inputZeroPoints: [0, 0].map(() => random.pick([0, random.integer(-8, 7)])) },
    requantize: (reach) => foldableRequantize(random, 1, reach, output),
    shape,
    output,
  });
}

/** Sums of up to 31 bits, shares of any number of steps; along the last axis and others. */
export function shiftmaxCase(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 3), random.pick([1, 2, 3, 10, 16, 17, 40, 65, 300])];
  const axis = random.pick([1, 1, 1, 0]);
  const unit = random.pick([128, 255, 256, random.integer(128, 256)]);
  const fractionBits = random.pick([8, 8, 7, 10, 3]);
  const output = random.pick(fractionBits > 8 ? [{ bits: 16 }] : [S8, S8, U8]);
  const zeroPoint = output === S8 ? random.pick([-128, -100, 0]) : 0;
  const attributes = { axis, places: random.integer(-4, 6), unit, exponentBits: random.pick([exponentBits(unit, shape[axis]!), 8]), fractionBits, outputZeroPoint: zeroPoint };
  return single(random, name, { op: 'shiftmax', inputs: [{ shape, type: random.pick([S8, S8, U8, S4]) }], attributes, shape, output });
}

/** Shares of two ranges, in lanes of 16 bits or of 8. */
export function twinSoftmaxCase(random: Random, name: string): LinearCase {
  const shape = [random.integer(1, 3), random.pick([1, 2, 3, 10, 16, 17, 40, 65, 300])];
  const axis = random.pick([1, 1, 1, 0]);
  const bits = random.integer(3, 8);
  const shift = random.integer(1, 12 - (bits - 1));
  const split = 2 ** (bits - 1) - 1;
  const type = random.pick([S8, S8, U8, S4]);
  const table = Uint16Array.from({ length: 2 ** type.bits! }, (_, d) => Math.round(32768 * Math.exp(-random.pick([0, 0.001, 0.02, 0.3, 3]) * d))).sort((a, b) => b - a);
  return single(random, name, {
    op: 'softmax',
    inputs: [{ shape, type }],
    attributes: { variant: 'dyadic', axis, steps: split * 2 ** shift, outputZeroPoint: 0, twin: { shift, split } },
    shape,
    output: { bits: bits + shift > 8 ? 16 : 8 },
    constants: (builder) => [builder.constant('exponentials', [table.length], table, 16)],
  });
}

/** Gates by shifts, to bytes and to lanes of 16 bits. */
export function shiftGateCase(random: Random, name: string): LinearCase {
  const [type, output] = [random.pick([S8, S8, U8, S4]), random.pick([S8, S8, U8, { bits: 16 }])];
  const shape = [random.integer(1, 70)];
  return single(random, name, {
    op: 'shift-gate',
    inputs: [{ shape, type }],
    attributes: { inputZeroPoint: random.integer(...rangeOf(type)), places: random.integer(-4, 6), unit: random.integer(128, 256), exponentBits: 13, fractionBits: 8 },
    requantize: (reach) => foldableRequantize(random, 1, reach, output),
    shape,
    output,
  });
}

/** Look-ups of bytes whose results are lanes of 16 bits. */
export function wideTableCase(random: Random, name: string): LinearCase {
  const type = random.pick([S8, S8, U8, S4]);
  const shape = [random.integer(1, 70)];
  const table = random.codes(new Int16Array(2 ** type.bits!), -32768, 32767);
  return single(random, name, { op: 'unary', inputs: [{ shape, type }], attributes: {}, shape, output: { bits: 16 }, constants: (builder) => [builder.constant('table', [table.length], table, 16)] });
}
