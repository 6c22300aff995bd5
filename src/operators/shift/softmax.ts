/** Softmax without multiplication or division: the portable kernel's sums and table, its shares by repeated subtraction. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';

/** Numerator and denominator of a share must stay below this. */
const DIVIDEND_LIMIT = 2 ** 30;

export function shiftSoftmax(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'shift',
    when({ group }) {
      const node = group[0]!;
      if (node.attributes['variant'] !== 'dyadic' || node.attributes['twin'] !== undefined || !node.bounds) return false;
      const steps = integerAttribute(node, 'steps');
      const largestSum = node.bounds.accumulator[0]![1];
      return Number.isInteger(Math.log2(steps)) && 2 ** 16 * steps + largestSum < DIVIDEND_LIMIT && 2 * largestSum < DIVIDEND_LIMIT;
    },
    instantiate({ graph, group }) {
      const instance = portable(group[0]!, graph);
      const places = Math.log2(integerAttribute(group[0]!, 'steps'));
      return { ...instance, family: 'shift', template: 'shift/softmax', stem: `${instance.stem}_shift`, view: { ...instance.view, places }, scalars: ['softmaxShareByBits', 'clamp'] };
    },
  };
}
