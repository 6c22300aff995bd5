/** Definitions of the linear operators in the plainest loops there are: what float evaluation and simulator are held against. */
import type { Codes, IntegerGraph, IntegerNode, Requantize } from '../../src/graph/integer.js';
import * as scalar from '../../sim/scalar/requantize.js';

type Numbers = ArrayLike<number>;

export interface WindowAttributes {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** [top, bottom, left, right]. */
  readonly pad: readonly number[];
}

/** Value of the padded input at (y, x, c). */
export type Read = (y: number, x: number, c: number) => number;

/** Reads row-major [H, W, C], and `outside(c)` beyond its borders. */
export function reader(values: Numbers, [height, width, channels]: readonly number[], outside: (c: number) => number): Read {
  return (y, x, c) => (y < 0 || x < 0 || y >= height! || x >= width! ? outside(c) : values[(y * width! + x) * channels! + c]!);
}

/** weights [O, kh, kw, C/groups]; bias(y, x, o). */
export function convolve(read: Read, weights: Numbers, weightShape: readonly number[], { strides, dilations, pad }: WindowAttributes, groups: number, outputShape: readonly number[], bias: Read): Float64Array {
  const [outputs, kernelHeight, kernelWidth, depth] = weightShape as [number, number, number, number];
  return fill(outputShape, (y, x, o) => {
    let sum = bias(y, x, o);
    const first = Math.floor(o / (outputs / groups)) * depth;
    for (let ky = 0; ky < kernelHeight; ky++)
      for (let kx = 0; kx < kernelWidth; kx++)
        for (let c = 0; c < depth; c++)
          sum += weights[((o * kernelHeight + ky) * kernelWidth + kx) * depth + c]! * read(y * strides[0]! - pad[0]! + ky * dilations[0]!, x * strides[1]! - pad[2]! + kx * dilations[1]!, first + c);
    return sum;
  });
}

/** weights [kh, kw, C, multiplier]. */
export function convolveDepthwise(read: Read, weights: Numbers, weightShape: readonly number[], { strides, dilations, pad }: WindowAttributes, outputShape: readonly number[], bias: Read): Float64Array {
  const [kernelHeight, kernelWidth, channels, multiplier] = weightShape as [number, number, number, number];
  return fill(outputShape, (y, x, o) => {
    let sum = bias(y, x, o);
    const c = Math.floor(o / multiplier);
    for (let ky = 0; ky < kernelHeight; ky++)
      for (let kx = 0; kx < kernelWidth; kx++)
        sum += weights[((ky * kernelWidth + kx) * channels + c) * multiplier + (o % multiplier)]! * read(y * strides[0]! - pad[0]! + ky * dilations[0]!, x * strides[1]! - pad[2]! + kx * dilations[1]!, c);
    return sum;
  });
}

/** Scatters, as the operator is defined: every input pixel adds its window to the output. weights [O, kh, kw, C]. */
export function convolveTransposed(read: Read, inputShape: readonly number[], weights: Numbers, weightShape: readonly number[], { strides, dilations, pad }: WindowAttributes, outputShape: readonly number[], bias: Read): Float64Array {
  const [outputs, kernelHeight, kernelWidth, channels] = weightShape as [number, number, number, number];
  const result = fill(outputShape, bias);
  const [height, width] = outputShape as [number, number];
  for (let y = 0; y < inputShape[0]!; y++)
    for (let x = 0; x < inputShape[1]!; x++)
      for (let ky = 0; ky < kernelHeight; ky++)
        for (let kx = 0; kx < kernelWidth; kx++) {
          const [row, column] = [y * strides[0]! - pad[0]! + ky * dilations[0]!, x * strides[1]! - pad[2]! + kx * dilations[1]!];
          if (row < 0 || column < 0 || row >= height || column >= width) continue;
          for (let o = 0; o < outputs; o++)
            for (let c = 0; c < channels; c++) result[(row * width + column) * outputs + o]! += weights[((o * kernelHeight + ky) * kernelWidth + kx) * channels + c]! * read(y, x, c);
        }
  return result;
}

function fill([height, width, channels]: readonly number[], value: Read): Float64Array {
  const result = new Float64Array(height! * width! * channels!);
  let i = 0;
  for (let y = 0; y < height!; y++) for (let x = 0; x < width!; x++) for (let c = 0; c < channels!; c++) result[i++] = value(y, x, c);
  return result;
}

/** Accumulators of an integer node with weights, by the plain loops. */
export function expectedAccumulators(graph: IntegerGraph, node: IntegerNode, codes: Codes): Float64Array {
  const shape = (id: string) => graph.tensors.get(id)!.shape;
  const data = (id: string) => graph.tensors.get(id)!.constant!.data;
  const [x, w, b] = node.inputs as [string, string, string];
  const output = shape(node.outputs[0]!);
  const a = node.attributes as unknown as { strides: number[]; dilations: number[]; pad: { amounts: number[]; values: number | number[] }; groups: number; inputZeroPoint: number; biasClasses?: { rows: number[]; columns: number[] } };
  const zeroPoint = a.inputZeroPoint;
  const bias: Read = (row, column, o) => {
    const classes = a.biasClasses;
    const at = classes ? classes.rows[row]! * (Math.max(...classes.columns) + 1) + classes.columns[column]! : 0;
    return data(b)[at * output[output.length - 1]! + o]!;
  };
  if (node.op === 'dense') {
    const depth = shape(w)[1]!;
    const rows = codes.length / depth;
    const read = reader(codes, [rows, 1, depth], () => 0);
    const window = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0] };
    return convolve((y, _x, c) => read(y, 0, c) - zeroPoint, data(w), [shape(w)[0]!, 1, 1, depth], window, 1, [rows, 1, shape(w)[0]!], bias);
  }
  const { values, amounts } = a.pad;
  const read = reader(codes, shape(x), (c) => (typeof values === 'number' ? values : values[c]!));
  const centered: Read = (y, column, c) => read(y, column, c) - zeroPoint;
  const window = { ...a, pad: amounts };
  if (node.op === 'conv2d') return convolve(centered, data(w), shape(w), window, a.groups, output, bias);
  if (node.op === 'depthwise-conv2d') return convolveDepthwise(centered, data(w), shape(w), window, output, bias);
  return convolveTransposed(centered, shape(x), data(w), shape(w), window, output, bias);
}

/** Output code by the scalar functions themselves. */
export function requantized(accumulator: number, channel: number, r: Requantize): number {
  const at = (list: readonly number[]) => list[list.length === 1 ? 0 : channel]!;
  const value = (): number => {
    switch (r.mode) {
      case 'tfliteDouble':
        return scalar.requantizeTfliteDouble(accumulator, at(r.multiplier), at(r.shift));
      case 'tfliteSingle':
        return scalar.requantizeTfliteSingle(accumulator, at(r.multiplier), at(r.shift));
      case 'dyadic':
        return scalar.requantizeDyadic(accumulator, at(r.multiplier), at(r.shift));
      case 'dyadicHigh':
        return scalar.requantizeDyadicHigh(accumulator, at(r.multiplier));
      case 'shift':
        return { floor: scalar.shiftFloor, halfUp: scalar.shiftHalfUp, halfAway: scalar.shiftHalfAway, halfEven: scalar.shiftHalfEven }[r.rounding](accumulator, at(r.shift));
      default:
        throw new Error(`no oracle for ${r.mode}`);
    }
  };
  return scalar.clamp(value() + r.zeroPoint, r.clamp[0], r.clamp[1]);
}
