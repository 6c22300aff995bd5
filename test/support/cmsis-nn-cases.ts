/** Random layers that CMSIS-NN can take exactly: signed bytes, TFLite's double rounding, padding with the zero point. */
import type { Attributes, Codes, Requantize } from '../../src/graph/integer.js';
import type { FirmwareCase } from './firmware.js';
import { IntegerGraphBuilder, type Random } from './integer-graphs.js';
import { linearCase, type LinearCase, samples } from './linear-cases.js';

const BYTE = { bits: 8 } as const;
const VECTORS = 4;

/** Shifts of every sign; some channels are dead, as TFLite writes them. */
export function randomDouble(random: Random, entries: number, reach: number): Requantize {
  const ratio = () => Math.min(2, (255 / Math.max(reach, 1)) * 2 ** (5 * random.next()));
  const channels = Array.from({ length: entries }, () => {
    if (random.next() < 0.05) return { multiplier: 0, shift: 0 };
    const exponent = Math.floor(Math.log2(ratio())) + 1;
    return { multiplier: random.integer(2 ** 30, 2 ** 31 - 1), shift: exponent };
  });
  const clamp = random.next() < 0.5 ? ([-128, 127] as const) : ([random.integer(-128, 0), random.integer(1, 127)] as const);
  return { mode: 'tfliteDouble', multiplier: channels.map((c) => c.multiplier), shift: channels.map((c) => c.shift), zeroPoint: random.integer(-128, 127), clamp };
}

interface Window {
  readonly kernel: readonly [number, number];
  readonly size: readonly [number, number];
  readonly output: readonly [number, number];
  readonly attributes: { readonly strides: number[]; readonly dilations: number[]; readonly pad: { readonly amounts: number[]; readonly values: number }; readonly inputZeroPoint: number };
}

/** Windows that always see a pixel; every other one of a kind that the library has a function for. */
function randomWindow(random: Random, dilated: boolean): Window {
  const kernel = random.pick<readonly [number, number]>([[1, 1], [3, 3], [3, 3], [1, random.integer(2, 6)], [random.integer(1, 5), random.integer(1, 5)]]);
  const strides = random.pick([[1, 1], [1, 1], [2, 2], [random.integer(1, 3), random.integer(1, 3)]]);
  const dilations = dilated && random.next() < 0.2 ? [random.integer(1, 2), random.integer(1, 3)] : [1, 1];
  const reach = kernel.map((k, i) => dilations[i]! * (k - 1) + 1);
  const isRow = kernel[0] === 1 && kernel[1] > 1 && random.next() < 0.8;
  const size = [0, 1].map((i) => (isRow && i === 0 ? 1 : Math.max(1, reach[i]! - random.integer(0, 1)) + random.integer(0, 9))) as [number, number];
  const padding = (i: number) => (random.next() < 0.3 || kernel[i] === 1 || dilations[i]! > 1 ? [0, 0] : same(size[i]!, kernel[i]!, strides[i]!, random));
  const amounts = [padding(0), padding(1)].flat();
  for (const i of [0, 1]) if (size[i]! + amounts[2 * i]! + amounts[2 * i + 1]! < reach[i]!) size[i] = reach[i]!;
  const output = [0, 1].map((i) => Math.floor((size[i]! + amounts[2 * i]! + amounts[2 * i + 1]! - reach[i]!) / strides[i]!) + 1) as [number, number];
  const zeroPoint = random.pick([-128, 127, random.integer(-128, 127)]);
  return { kernel, size, output, attributes: { strides, dilations, pad: { amounts, values: zeroPoint }, inputZeroPoint: zeroPoint } };
}

/** TensorFlow's SAME padding, or any smaller than the window. */
function same(size: number, kernel: number, stride: number, random: Random): number[] {
  if (random.next() < 0.3) return [random.integer(0, kernel - 1), random.integer(0, kernel - 1)];
  const total = Math.max(0, (Math.ceil(size / stride) - 1) * stride + kernel - size);
  return [Math.floor(total / 2), Math.ceil(total / 2)];
}

export function convolutionCase(random: Random, name: string): LinearCase {
  const window = randomWindow(random, true);
  const groups = random.pick([1, 1, 1, 1, 2, 3]);
  const depth = random.integer(1, random.pick([5, 20]));
  const channels = groups * random.integer(1, 9);
  return linearCase(name, random, {
    op: 'conv2d',
    input: BYTE,
    inputShape: [...window.size, depth * groups],
    weightShape: [channels, ...window.kernel, depth],
    weightBits: 8,
    outputChannels: channels,
    outputShape: [...window.output, channels],
    biasRows: 1,
    attributes: { ...window.attributes, groups },
    output: BYTE,
    requantize: (reach) => randomDouble(random, random.pick([1, channels]), reach),
  }, VECTORS);
}

export function depthwiseCase(random: Random, name: string): LinearCase {
  const window = randomWindow(random, true);
  const channels = random.pick([1, random.integer(2, 18), random.integer(2, 18)]);
  const multiplier = random.pick([1, 1, 1, 2, 4, 8]);
  return linearCase(name, random, {
    op: 'depthwise-conv2d',
    input: BYTE,
    inputShape: [...window.size, channels],
    weightShape: [...window.kernel, channels, multiplier],
    weightBits: 8,
    outputChannels: channels * multiplier,
    outputShape: [...window.output, channels * multiplier],
    biasRows: 1,
    attributes: window.attributes,
    output: BYTE,
    requantize: (reach) => randomDouble(random, random.pick([1, channels * multiplier]), reach),
  }, VECTORS);
}

export function denseCase(random: Random, name: string): LinearCase {
  const [depth, channels] = [random.integer(1, 50), random.integer(1, 14)];
  const leading = random.pick([[], [random.integer(1, 4)], [2, 3]]);
  const zeroPoint = random.integer(-128, 127);
  return linearCase(name, random, {
    op: 'dense',
    input: BYTE,
    inputShape: [...leading, depth],
    weightShape: [channels, depth],
    weightBits: 8,
    outputChannels: channels,
    outputShape: [...leading, channels],
    biasRows: 1,
    attributes: { inputZeroPoint: zeroPoint },
    output: BYTE,
    requantize: (reach) => randomDouble(random, random.pick([1, channels]), reach),
  }, VECTORS);
}

/** add and mul of operands of one shape, sometimes the same one twice. */
export function elementwiseCase(random: Random, name: string): FirmwareCase {
  const op = random.pick(['add', 'mul']);
  const shape = random.pick([[random.integer(1, 40)], [random.integer(1, 5), random.integer(1, 5), random.integer(1, 9)]]);
  const builder = new IntegerGraphBuilder(name);
  const a = builder.input('a', shape, BYTE);
  const b = random.next() < 0.2 ? a : builder.input('b', shape, BYTE);
  const zeros = [random.integer(-128, 127), random.integer(-128, 127)];
  const terms = [random.integer(2 ** 30, 2 ** 31 - 1), random.integer(2 ** 30, 2 ** 31 - 1)];
  const attributes: Attributes = op === 'mul'
    ? { variant: 'tflite', inputZeroPoints: zeros }
    : { variant: 'tflite', inputZeroPoints: zeros, inputMultipliers: terms, inputShifts: [random.integer(-6, 0), random.integer(-6, 0)] };
  const requantize = randomDouble(random, 1, op === 'mul' ? 2 ** 15 : 2 ** 28);
  builder.node(op, 'y', [a, b], { shape, output: BYTE, attributes, requantize });
  return { name, graph: builder.build(['y']), inputs: inputsOf(random, a === b ? [shape] : [shape, shape]) };
}

export function poolCase(random: Random, name: string): FirmwareCase {
  const op = random.pick(['average-pool2d', 'max-pool2d']);
  const { kernel, size, output, attributes } = randomWindow(random, false);
  const shape = [...size, random.integer(1, 21)];
  const builder = new IntegerGraphBuilder(name);
  const x = builder.input('x', shape, BYTE);
  const clamp = random.pick([[-128, 127], [random.integer(-128, 0), random.integer(1, 127)]]);
  builder.node(op, 'y', [x], {
    shape: [...output, shape[2]!],
    output: BYTE,
    attributes: { ...(op === 'average-pool2d' && { variant: 'tflite' }), kernel, strides: attributes.strides, pad: attributes.pad.amounts, clamp },
  });
  return { name, graph: builder.build(['y']), inputs: inputsOf(random, [shape]) };
}

export function softmaxCase(random: Random, name: string): FirmwareCase {
  const shape = [...random.pick([[], [3], [2, 2]]), random.pick([1, random.integer(2, 30), 511])];
  const shift = random.integer(0, 25);
  const builder = new IntegerGraphBuilder(name);
  const x = builder.input('x', shape, BYTE);
  const diffMin = -Math.floor((31 * 2 ** 26) / 2 ** shift);
  const attributes = { variant: 'tflite', axis: shape.length - 1, multiplier: random.integer(2 ** 30, 2 ** 31 - 1), shift, diffMin, rounding: 'double' };
  builder.node('softmax', 'y', [x], { shape, output: { bits: 8, scale: 1 / 256, zeroPoint: -128 }, attributes });
  return { name, graph: builder.build(['y']), inputs: inputsOf(random, [shape]) };
}

function inputsOf(random: Random, shapes: readonly (readonly number[])[]): readonly (readonly Codes[])[] {
  const lists = shapes.map((shape) => samples(random, BYTE, shape.reduce((n, d) => n * d, 1), VECTORS));
  return Array.from({ length: VECTORS }, (_, v) => lists.map((list, i) => list[(v + i) % VECTORS]!));
}
