/** Softmax along one axis: TFLite's fixed-point sequence, or a table of exponentials and one division an element. */
import type { Codes, PreparedKernel, SimKernel } from '../kernel.js';
import { axisOf, count, integer, outputShape, tensorAt } from '../nodes.js';
import { softmaxShare, twinShare, tfliteSoftmaxCode, tfliteSoftmaxExp, tfliteSoftmaxExpSingle, tfliteSoftmaxReciprocal, tfliteSoftmaxTerm } from '../scalar/softmax.js';

/** Computes the codes of one row: `depth` elements, `stride` apart, from element `first` on. */
type Row = (input: Codes, output: Codes, first: number, table: Codes | undefined) => void;

export const softmax: SimKernel = (node, graph): PreparedKernel => {
  const shape = outputShape(node, graph);
  const axis = axisOf(node, shape.length);
  const [outer, depth, stride] = [count(shape.slice(0, axis)), shape[axis]!, count(shape.slice(axis + 1))];
  const { bits, signed } = tensorAt(graph, node.outputs[0]!).type;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const row = node.attributes['variant'] === 'tflite'
    ? tfliteRow(depth, stride, integer(node, 'multiplier'), integer(node, 'shift'), integer(node, 'diffMin'), node.attributes['rounding'] === 'single')
    : tableRow(depth, stride, integer(node, 'steps'), integer(node, 'outputZeroPoint'), low, low + 2 ** bits - 1, node.attributes['twin'] as unknown as Twin | undefined);
  return ([input, table], [output]) => {
    for (let o = 0; o < outer; o++) for (let i = 0; i < stride; i++) row(input!, output!, o * depth * stride + i, table);
  };
};

interface Twin {
  readonly shift: number;
  readonly split: number;
}

function largest(input: Codes, first: number, depth: number, stride: number): number {
  let best = input[first]!;
  for (let i = 1; i < depth; i++) best = Math.max(best, input[first + i * stride]!);
  return best;
}

function tableRow(depth: number, stride: number, steps: number, zeroPoint: number, low: number, high: number, twin: Twin | undefined): Row {
  return (input, output, first, table) => {
    const top = largest(input, first, depth, stride);
    let sum = 0;
    for (let i = 0; i < depth; i++) sum += table![top - input[first + i * stride]!]!;
    for (let i = 0; i < depth; i++) {
      const at = first + i * stride;
      const share = softmaxShare(table![top - input[at]!]!, steps, sum);
      output[at] = Math.min(high, Math.max(low, (twin ? twinShare(share, twin.split, twin.shift) : share) + zeroPoint));
    }
  };
}

function tfliteRow(depth: number, stride: number, multiplier: number, shift: number, diffMin: number, single: boolean): Row {
  // One exponential a distance, computed when it first occurs.
  const known = new Map<number, number>();
  const exponential = single ? tfliteSoftmaxExpSingle : tfliteSoftmaxExp;
  const at = (difference: number): number => {
    let e = known.get(difference);
    if (e === undefined) {
      e = exponential(difference, multiplier, shift);
      known.set(difference, e);
    }
    return e;
  };
  return (input, output, first) => {
    const top = largest(input, first, depth, stride);
    let sum = 0;
    for (let i = 0; i < depth; i++) {
      const difference = input[first + i * stride]! - top;
      if (difference >= diffMin) sum += tfliteSoftmaxTerm(at(difference));
    }
    const reciprocal = tfliteSoftmaxReciprocal(sum);
    for (let i = 0; i < depth; i++) {
      const difference = input[first + i * stride]! - top;
      output[first + i * stride] = difference < diffMin ? -128 : tfliteSoftmaxCode(at(difference), reciprocal, sum);
    }
  };
}
