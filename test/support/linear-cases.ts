/** Random integer nodes with weights, and inputs that reach the ends of their ranges. */
import type { Attributes } from '../../src/graph/float.js';
import type { Codes, IntegerGraph, Requantize } from '../../src/graph/integer.js';
import { IntegerGraphBuilder, type Random, type TensorOptions } from './integer-graphs.js';

export interface LinearCase {
  readonly name: string;
  readonly graph: IntegerGraph;
  /** One entry a vector. */
  readonly inputs: readonly (readonly Codes[])[];
}

type InputKind = 's8' | 'u8' | 's16' | 's4';

const KINDS: Readonly<Record<InputKind, TensorOptions>> = { s8: { bits: 8 }, u8: { bits: 8, signed: false }, s16: { bits: 16 }, s4: { bits: 4 } };

export function rangeOf({ bits = 8, signed = true }: TensorOptions): readonly [number, number] {
  const low = signed ? -(2 ** (bits - 1)) : 0;
  return [low, low + 2 ** bits - 1];
}

/** Codes of one sample in lanes of the type. */
export function lanes({ bits = 8, signed = true }: TensorOptions, length: number): Codes {
  return bits > 8 ? new Int16Array(length) : signed ? new Int8Array(length) : new Uint8Array(length);
}

/** `vectors` random samples, the first all lowest, the second all highest codes. */
export function samples(random: Random, type: TensorOptions, length: number, vectors: number): Codes[] {
  const [low, high] = rangeOf(type);
  return Array.from({ length: vectors }, (_, i) => (i === 0 ? lanes(type, length).fill(low) : i === 1 ? lanes(type, length).fill(high) : random.codes(lanes(type, length), low, high)));
}

/** Requantization of accumulators up to `reach` to the codes of `output`, in a random mode. */
export function randomRequantize(random: Random, channels: number, reach: number, output: TensorOptions): Requantize {
  const [low, high] = rangeOf(output);
  const clamp = random.next() < 0.5 ? ([low, high] as const) : ([random.integer(low, 0), random.integer(1, high)] as const);
  const zeroPoint = random.integer(Math.max(low, -128), Math.min(high, 127));
  const entries = random.next() < 0.3 ? 1 : channels;
  const list = (make: () => number) => Array.from({ length: entries }, make);
  // Typical accumulators lie far below their bound.
  const ratio = () => Math.min(0.9, ((high - low) / Math.max(reach, 1)) * (0.5 + 4 * random.next()));
  const exponent = (r: number) => Math.floor(Math.log2(r)) + 1;
  const ratios = list(ratio);
  const multiplier = ratios.map((r) => Math.floor((r / 2 ** exponent(r)) * 2 ** 31));
  const mode = random.pick(['dyadic', 'dyadicHigh', 'tfliteDouble', 'tfliteSingle', 'shift'] as const);
  const end = { zeroPoint, clamp };
  if (mode === 'dyadic') return { mode, multiplier, shift: ratios.map((r) => 31 - exponent(r)), ...end };
  if (mode === 'dyadicHigh') return { mode, multiplier: ratios.map((r) => Math.min(Math.floor(r * 2 ** 32), 2 ** 31 - 1)), ...end };
  if (mode === 'shift') return { mode, shift: ratios.map((r) => Math.max(0, -exponent(r))), rounding: random.pick(['floor', 'halfUp', 'halfAway', 'halfEven']), ...end };
  return { mode, multiplier, shift: ratios.map((r) => exponent(r)), ...end };
}

export interface LinearPlan {
  readonly op: string;
  readonly input: TensorOptions;
  readonly inputShape: readonly number[];
  readonly weightShape: readonly number[];
  readonly weightBits: number;
  readonly outputChannels: number;
  readonly outputShape: readonly number[];
  readonly biasRows: number;
  readonly attributes: Attributes;
  /** Instead of random ones; `reach` bounds the accumulators. */
  readonly output?: TensorOptions;
  readonly requantize?: (reach: number) => Requantize;
}

/** A graph of one node with random weights, bias and requantization. */
export function linearCase(name: string, random: Random, plan: LinearPlan, vectors = 4): LinearCase {
  const count = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);
  const bound = 2 ** (plan.weightBits - 1);
  const weights = random.codes(new Int8Array(count(plan.weightShape)), -bound, bound - 1);
  const bias = random.codes(new Int32Array(plan.biasRows * plan.outputChannels), -20000, 20000);
  const output: TensorOptions = plan.output ?? random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 16 }, { bits: 5 }]);
  const build = (requantize: Requantize): IntegerGraph => {
    const builder = new IntegerGraphBuilder(name);
    const x = builder.input('x', plan.inputShape, plan.input);
    const w = builder.constant('w', plan.weightShape, weights, plan.weightBits);
    const b = builder.constant('b', plan.biasRows > 1 ? [plan.biasRows, plan.outputChannels] : [plan.outputChannels], bias);
    builder.node(plan.op, 'y', [x, w, b], { attributes: plan.attributes, requantize, shape: plan.outputShape, output });
    return builder.build(['y']);
  };
  const draft = build({ mode: 'dyadic', multiplier: [1], shift: [31], zeroPoint: 0, clamp: [0, 0] });
  const reach = Math.max(...draft.nodes[0]!.bounds!.accumulator.flat().map(Math.abs));
  const graph = build(plan.requantize?.(reach) ?? randomRequantize(random, plan.outputChannels, reach, output));
  return { name, graph, inputs: samples(random, plan.input, count(plan.inputShape), vectors).map((codes) => [codes]) };
}

/** Input type, and a zero point within it (0 for 16 bits). */
export function randomInput(random: Random): { readonly input: TensorOptions; readonly zeroPoint: number } {
  const input = KINDS[random.pick(['s8', 's8', 's8', 'u8', 's16', 's4'] as const)];
  const [low, high] = rangeOf(input);
  return { input, zeroPoint: input.bits === 16 ? 0 : random.pick([low, high, random.integer(low, high)]) };
}

export function randomConvolution(random: Random, name: string): LinearCase {
  const { input, zeroPoint } = randomInput(random);
  const groups = random.pick([1, 1, 1, 2, 3]);
  const depth = random.integer(1, 5);
  const outputChannels = groups * random.integer(1, 6);
  const window = randomWindow(random, zeroPoint, depth * groups, rangeOf(input));
  const { outputHeight, outputWidth } = window;
  const classes = random.next() < 0.2;
  const biasClasses = classes ? { rows: classList(random, outputHeight, 3), columns: classList(random, outputWidth, 2) } : null;
  return linearCase(name, random, {
    op: 'conv2d',
    input,
    inputShape: [window.height, window.width, depth * groups],
    weightShape: [outputChannels, ...window.kernel, depth],
    weightBits: random.pick([8, 8, 4, 2, 7]),
    outputChannels,
    outputShape: [outputHeight, outputWidth, outputChannels],
    biasRows: biasClasses ? rowsOf(biasClasses) : 1,
    attributes: { ...window.attributes, groups, ...(biasClasses && { biasClasses }) },
  });
}

export function randomDepthwise(random: Random, name: string): LinearCase {
  const { input, zeroPoint } = randomInput(random);
  const channels = random.integer(1, 9);
  const multiplier = random.pick([1, 1, 1, 2, 4, 8]);
  const window = randomWindow(random, zeroPoint, channels, rangeOf(input));
  const { outputHeight, outputWidth } = window;
  const biasClasses = random.next() < 0.2 ? { rows: classList(random, outputHeight, 3), columns: classList(random, outputWidth, 3) } : null;
  return linearCase(name, random, {
    op: 'depthwise-conv2d',
    input,
    inputShape: [window.height, window.width, channels],
    weightShape: [...window.kernel, channels, multiplier],
    weightBits: random.pick([8, 8, 4, 3]),
    outputChannels: channels * multiplier,
    outputShape: [outputHeight, outputWidth, channels * multiplier],
    biasRows: biasClasses ? rowsOf(biasClasses) : 1,
    attributes: { ...window.attributes, ...(biasClasses && { biasClasses }) },
  });
}

export function randomTransposed(random: Random, name: string): LinearCase {
  const { input, zeroPoint } = randomInput(random);
  const [height, width, channels, outputChannels] = [random.integer(1, 5), random.integer(1, 5), random.integer(1, 5), random.integer(1, 9)];
  const kernel = [random.integer(1, 4), random.integer(1, 4)];
  const strides = [random.integer(1, 3), random.integer(1, 3)];
  const dilations = [random.pick([1, 1, 2]), random.pick([1, 1, 3])];
  const outputPadding = [random.integer(0, strides[0]! - 1), random.integer(0, strides[1]! - 1)];
  const full = [height, width].map((size, i) => (size - 1) * strides[i]! + dilations[i]! * (kernel[i]! - 1) + 1 + outputPadding[i]!);
  const amounts = full.flatMap((size) => [random.integer(0, Math.min(2, Math.floor((size - 1) / 2))), random.integer(0, Math.min(2, Math.floor((size - 1) / 2)))]);
  return linearCase(name, random, {
    op: 'conv2d-transpose',
    input,
    inputShape: [height, width, channels],
    weightShape: [outputChannels, kernel[0]!, kernel[1]!, channels],
    weightBits: random.pick([8, 8, 4]),
    outputChannels,
    outputShape: [full[0]! - amounts[0]! - amounts[1]!, full[1]! - amounts[2]! - amounts[3]!, outputChannels],
    biasRows: 1,
    attributes: { strides, dilations, outputPadding, pad: { amounts, values: zeroPoint }, inputZeroPoint: zeroPoint },
  });
}

export function randomDense(random: Random, name: string): LinearCase {
  const { input, zeroPoint } = randomInput(random);
  const [depth, outputChannels] = [random.integer(1, 40), random.integer(1, 14)];
  const leading = random.pick([[], [random.integer(1, 4)], [2, 3]]);
  return linearCase(name, random, {
    op: 'dense',
    input,
    inputShape: [...leading, depth],
    weightShape: [outputChannels, depth],
    weightBits: random.pick([8, 8, 4, 2]),
    outputChannels,
    outputShape: [...leading, outputChannels],
    biasRows: 1,
    attributes: { inputZeroPoint: zeroPoint },
  });
}

export function randomMatmul(random: Random, name: string): LinearCase {
  const types = [0, 1].map(() => randomInput(random)).map((t) => (t.input.bits === 16 ? { input: { bits: 8 }, zeroPoint: 3 } : t));
  const [rows, depth, columns] = [random.integer(1, 6), random.integer(1, 20), random.integer(1, 10)];
  const [transposeA, transposeB] = [random.next() < 0.4, random.next() < 0.4];
  const [leadingA, leadingB, leading] = random.pick<readonly [number[], number[], number[]]>([
    [[], [], []],
    [[3], [3], [3]],
    [[2], [], [2]],
    [[2, 1], [1, 3], [2, 3]],
    [[3], [2, 3], [2, 3]],
  ]);
  const shapes = [
    [...leadingA, ...(transposeA ? [depth, rows] : [rows, depth])],
    [...leadingB, ...(transposeB ? [columns, depth] : [depth, columns])],
  ];
  const output: TensorOptions = random.pick([{ bits: 8 }, { bits: 16 }]);
  const builder = new IntegerGraphBuilder(name);
  const ids = shapes.map((shape, i) => builder.input(i === 0 ? 'a' : 'b', shape, types[i]!.input));
  builder.node('matmul', 'y', ids, {
    attributes: { transposeA, transposeB, inputZeroPoints: types.map((t) => t.zeroPoint) },
    requantize: randomRequantize(random, 1, depth * 30000, output),
    shape: [...leading, rows, columns],
    output,
  });
  const lists = shapes.map((shape, i) => samples(random, types[i]!.input, shape.reduce((n, d) => n * d, 1), 4));
  return { name, graph: builder.build(['y']), inputs: [0, 1, 2, 3].map((v) => [lists[0]![v]!, lists[1]![3 - v]!]) };
}

function randomWindow(random: Random, zeroPoint: number, channels: number, [low, high]: readonly [number, number]) {
  const kernel = [random.integer(1, 4), random.integer(1, 4)] as const;
  const strides = [random.integer(1, 3), random.integer(1, 3)];
  const dilations = [random.pick([1, 1, 1, 2]), random.pick([1, 1, 1, 2])];
  const largest = random.pick([0, 1, 1, 2, 4]);
  const amounts = Array.from({ length: 4 }, () => random.integer(0, largest));
  const reach = kernel.map((k, i) => dilations[i]! * (k - 1) + 1);
  const size = (i: number) => Math.max(1, reach[i]! - amounts[2 * i]! - amounts[2 * i + 1]!) + random.integer(0, 5);
  const [height, width] = [size(0), size(1)];
  const output = [height, width].map((length, i) => Math.floor((length + amounts[2 * i]! + amounts[2 * i + 1]! - reach[i]!) / strides[i]!) + 1);
  const values = random.pick<number | readonly number[]>([zeroPoint, zeroPoint, random.integer(low, high), Array.from({ length: channels }, () => random.integer(low, high))]);
  const attributes: Attributes = { strides, dilations, pad: { amounts, values }, inputZeroPoint: zeroPoint };
  return { kernel, height, width, outputHeight: output[0]!, outputWidth: output[1]!, attributes };
}

function classList(random: Random, length: number, classes: number): number[] {
  return Array.from({ length }, (_, i) => (i === 0 ? classes - 1 : random.integer(0, classes - 1)));
}

function rowsOf(classes: { rows: readonly number[]; columns: readonly number[] }): number {
  return (Math.max(...classes.rows) + 1) * (Math.max(...classes.columns) + 1);
}
