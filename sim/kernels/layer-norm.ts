/** Layer normalization over the last axes: mean, sum of squares and its root a row; then one factor and offset an element of the row. */
import type { IntegerNode, SimKernel } from '../kernel.js';
import { axisOf, count, inputShape, integer } from '../nodes.js';
import { requantizer } from '../requantize.js';
import { layerNormMean, layerNormReciprocal, layerNormShare, layerNormShift } from '../scalar/layer-norm.js';

/** Where the elements that are normalized together lie. */
export interface Rows {
  readonly rows: number;
  /** Of every element of row 0. */
  readonly places: Int32Array;
  /** From a row to the next. */
  readonly step: number;
  /** Gain and offset of every element of row 0. */
  readonly parameters: Int32Array;
  readonly parameterStep: number;
}

export const layerNorm: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const axis = axisOf(node, shape.length);
  const depth = count(shape.slice(axis));
  const places = Int32Array.from({ length: depth }, (_, i) => i);
  return normalize(node, { rows: count(shape.slice(0, axis)), places, step: depth, parameters: places, parameterStep: 0 });
};

/** Every row by itself. */
export function normalize(node: IntegerNode, { rows, places, step, parameters, parameterStep }: Rows): ReturnType<SimKernel> {
  const [fraction, epsilon] = [integer(node, 'fractionBits'), integer(node, 'epsilon')];
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  const depth = places.length;
  const deviations = new Int32Array(depth);
  return ([input, gain, offset], [output], accumulators) => {
    for (let row = 0; row < rows; row++) {
      const [first, parameter] = [row * step, row * parameterStep];
      let sum = 0;
      for (let i = 0; i < depth; i++) sum += input![first + places[i]!]!;
      const mean = layerNormMean(sum, depth, fraction);
      // Below 2^53, so that doubles are exact.
      let squares = epsilon;
      for (let i = 0; i < depth; i++) {
        const deviation = input![first + places[i]!]! * 2 ** fraction - mean;
        deviations[i] = deviation;
        squares += deviation * deviation;
      }
      const shift = layerNormShift(BigInt(squares));
      const reciprocal = layerNormReciprocal(BigInt(squares), shift);
      for (let i = 0; i < depth; i++) {
        const [place, channel] = [first + places[i]!, parameter + parameters[i]!];
        const accumulator = layerNormShare(deviations[i]!, reciprocal, shift) * gain![channel]! + offset![channel]!;
        if (accumulators) accumulators[place] = accumulator;
        output![place] = finish(accumulator, 0);
      }
    }
  };
}
