/** A layer of windows (convolutions of all kinds) from few words: sizes, padding of several values, classes of the bias. */
import type { IntegerNode } from '../../src/graph/integer.js';
import type { Random } from './integer-graphs.js';
import { type LinearCase, linearCase } from './linear-cases.js';

export interface Window {
  readonly input: readonly [number, number, number];
  readonly kernel: readonly [number, number];
  readonly strides?: readonly [number, number];
  readonly dilations?: readonly [number, number];
  readonly pad?: readonly [number, number, number, number];
  readonly isUnsigned?: boolean;
  /** Biases differ by row and column. */
  readonly classes?: boolean;
  /** Of codes and weights. */
  readonly bits?: 3 | 4 | 8;
}

export interface WindowLayer {
  readonly op: IntegerNode['op'];
  readonly outputs: number;
  readonly weightShape: readonly number[];
  readonly output?: { readonly bits: 8 | 16; readonly signed?: boolean };
  readonly attributes?: { readonly groups: number };
}

export function windowCase(name: string, random: Random, window: Window, { op, outputs, weightShape, output = { bits: 8 }, attributes }: WindowLayer): LinearCase {
  const { input, kernel, strides = [1, 1], dilations = [1, 1], pad = [0, 0, 0, 0], bits = 8, isUnsigned = false, classes = false } = window;
  const [low, high] = isUnsigned ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  const inputZeroPoint = random.integer(low, high);
  // several values of the zero point, so that padding is not always zero
  const values = random.pick([inputZeroPoint, Array.from({ length: input[2] }, () => random.integer(low, high))]);
  const size = (axis: 0 | 1) => Math.floor((input[axis] + pad[2 * axis]! + pad[2 * axis + 1]! - dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis]) + 1;
  const [height, width] = [size(0), size(1)];
  const biasClasses = classes ? { rows: Array.from({ length: height }, (_, y) => y % 2), columns: Array.from({ length: width }, (_, x) => x % 3) } : null;
  return linearCase(name, random, {
    op,
    input: { bits, signed: !isUnsigned },
    inputShape: input,
    weightShape,
    weightBits: bits,
    output,
    outputChannels: outputs,
    outputShape: [height, width, outputs],
    biasRows: classes ? 6 : 1,
    attributes: { strides, dilations, ...attributes, pad: { amounts: pad, values }, inputZeroPoint, ...(biasClasses && { biasClasses }) },
  });
}
