/** The same values at another scale. */
import type { SimKernel } from '../kernel.js';
import { integer } from '../nodes.js';
import { requantizer } from '../requantize.js';

export const requantize: SimKernel = (node) => {
  const zeroPoint = integer(node, 'inputZeroPoint');
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  return ([input], [output], accumulators) => {
    for (let i = 0; i < output!.length; i++) {
      const accumulator = input![i]! - zeroPoint;
      if (accumulators) accumulators[i] = accumulator;
      output![i] = finish(accumulator, 0);
    }
  };
};
