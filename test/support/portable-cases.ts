/** Random layers that the kernels of cores without SIMD take. */
import { operator } from '../../src/operators/index.js';
import { dspCase } from './dsp-cases.js';
import { Random } from './integer-graphs.js';
import { linearCase, type LinearCase, type LinearPlan, rangeOf } from './linear-cases.js';

/** Widths of weights that are drawn from, under requantizations that fold and under any. */
export interface WeightBits {
  readonly folded: readonly number[];
  readonly general: readonly number[];
}

const ANY_BITS: WeightBits = { folded: [8, 8, 8, 4], general: [8, 8, 4, 2] };
/** That packing takes. */
export const NARROW: WeightBits = { folded: [4, 4, 3, 2], general: [4, 3, 2, 2] };

type Shape = Pick<LinearPlan, 'op' | 'input' | 'inputShape' | 'weightShape' | 'outputChannels' | 'outputShape' | 'attributes'>;

/** Foldable requantizations and any others in turn; the latter also with biases that depend on the place. */
function layer(random: Random, name: string, shape: Shape, classes: boolean, bits: WeightBits): LinearCase {
  if (random.next() < 0.6) return dspCase(random, name, shape, bits.folded);
  const [height, width] = shape.outputShape as [number, number];
  const list = (length: number, count: number) => Array.from({ length }, (_, i) => (i === 0 ? count - 1 : random.integer(0, count - 1)));
  const biasClasses = classes && random.next() < 0.5 ? { rows: list(height, 3), columns: list(width, 2) } : null;
  const attributes = { ...shape.attributes, ...(biasClasses && { biasClasses }) };
  return linearCase(name, random, { ...shape, attributes, weightBits: random.pick(bits.general), biasRows: biasClasses ? 6 : 1 });
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

export function portableConvolution(random: Random, name: string, bits = ANY_BITS): LinearCase {
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
  }, true, bits);
}

export function portableDepthwise(random: Random, name: string, bits = ANY_BITS): LinearCase {
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
  }, false, bits);
}

export function portableDense(random: Random, name: string, bits = ANY_BITS): LinearCase {
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
  }, false, bits);
}

/** Every code at an end of its range, and inputs that are all lowest, all highest, alternating. */
export function extremeWeights(op: 'conv2d' | 'dense', bits: number, depth: number, high: boolean): LinearCase {
  const random = new Random(depth);
  const isConvolution = op === 'conv2d';
  const inputShape = isConvolution ? [2, 4, depth] : [depth];
  const one = dspCase(random, `${op} of ${depth} weights of ${bits} bits, ${high ? 'highest' : 'lowest'}`, {
    op,
    input: { bits: 8 },
    inputShape,
    weightShape: isConvolution ? [5, 1, 1, depth] : [5, depth],
    outputChannels: 5,
    outputShape: isConvolution ? [2, 4, 5] : [5],
    attributes: { inputZeroPoint: -128, ...(isConvolution && { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: -128 } }) },
  }, [bits]);
  const [node] = one.graph.nodes;
  one.graph.tensors.get(node!.inputs[1]!)!.constant!.data.fill(high ? 2 ** (bits - 1) - 1 : -(2 ** (bits - 1)));
  const graph = { ...one.graph, nodes: [{ ...node!, bounds: operator(op).integer!.bounds!(node!, one.graph) }] };
  const length = inputShape.reduce((n, d) => n * d, 1);
  return { ...one, graph, inputs: [...one.inputs, ...[() => -128, () => 127, (i: number) => (i % 2 === 0 ? -128 : 127)].map((code) => [Int8Array.from({ length }, (_, i) => code(i))])] };
}
