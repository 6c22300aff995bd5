/** Mean, sum or maximum over axes; mean's divisor is in the requantization. */
import type { SimKernel } from '../kernel.js';
import { inputShape, integer, integers, rowMajor, sourceIndices, steps } from '../nodes.js';
import { requantizer } from '../requantize.js';

export const reduce: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const strides = rowMajor(shape);
  const axes = integers(node, 'axes').map((a) => (a < 0 ? a + shape.length : a));
  const along = (reduced: boolean) => sourceIndices(shape.map((d, i) => (axes.includes(i) === reduced ? steps(d, strides[i]!) : [0])));
  const [kept, reduced] = [along(false), along(true)];
  if (node.attributes['function'] === 'max') {
    return ([input], [output]) => {
      for (let i = 0; i < kept.length; i++) {
        let best = input![kept[i]!]!;
        for (const offset of reduced) best = Math.max(best, input![kept[i]! + offset]!);
        output![i] = best;
      }
    };
  }
  const zeroPoint = integer(node, 'inputZeroPoint');
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  return ([input], [output], accumulators) => {
    for (let i = 0; i < kept.length; i++) {
      let accumulator = 0;
      for (const offset of reduced) accumulator += input![kept[i]! + offset]! - zeroPoint;
      if (accumulators) accumulators[i] = accumulator;
      output![i] = finish(accumulator, 0);
    }
  };
};
