/** Layer normalization over the last axes: mean, sum of squares and its root a row; then one factor and offset an element of the row. */
import type { SimKernel } from '../kernel.js';
import { axisOf, count, inputShape, integer } from '../nodes.js';
import { requantizer } from '../requantize.js';
import { layerNormMean, layerNormReciprocal, layerNormShare, layerNormShift } from '../scalar/layer-norm.js';

export const layerNorm: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const axis = axisOf(node, shape.length);
  const [rows, depth] = [count(shape.slice(0, axis)), count(shape.slice(axis))];
  const [fraction, epsilon] = [integer(node, 'fractionBits'), integer(node, 'epsilon')];
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  const deviations = new Int32Array(depth);
  return ([input, gain, offset], [output], accumulators) => {
    for (let first = 0; first < rows * depth; first += depth) {
      let sum = 0;
      for (let i = 0; i < depth; i++) sum += input![first + i]!;
      const mean = layerNormMean(sum, depth, fraction);
      // Below 2^53, so that doubles are exact.
      let squares = epsilon;
      for (let i = 0; i < depth; i++) {
        const deviation = input![first + i]! * 2 ** fraction - mean;
        deviations[i] = deviation;
        squares += deviation * deviation;
      }
      const shift = layerNormShift(BigInt(squares));
      const reciprocal = layerNormReciprocal(BigInt(squares), shift);
      for (let i = 0; i < depth; i++) {
        const accumulator = layerNormShare(deviations[i]!, reciprocal, shift) * gain![i]! + offset![i]!;
        if (accumulators) accumulators[first + i] = accumulator;
        output![first + i] = finish(accumulator, 0);
      }
    }
  };
};
