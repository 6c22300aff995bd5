/** Softmax without multiplication or division: the portable kernel's sums and table, its shares by repeated subtraction. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';

/** Sums of exponentials whose double divideByBits takes; twice that is the bound that the graph holds. */
const DIVISOR_LIMIT = 2 ** 30;

export function shiftSoftmax(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'shift',
    when({ group }) {
      const node = group[0]!;
      if (node.attributes['variant'] !== 'dyadic' || !node.bounds) return false;
      return isPowerOfTwo(integerAttribute(node, 'steps')) || node.bounds.accumulator[0]![1] < DIVISOR_LIMIT;
    },
    instantiate({ graph, group }) {
      const instance = portable(group[0]!, graph);
      const steps = integerAttribute(group[0]!, 'steps');
      const byPlaces = isPowerOfTwo(steps);
      const view = { ...instance.view, byPlaces, places: byPlaces ? Math.log2(steps) : 0 };
      const own = byPlaces ? ['shiftShare'] : ['divideByBits', 'productByBits'];
      const scalars = [...own, ...instance.scalars.filter((name) => name !== 'softmaxShare')];
      return { ...instance, family: 'shift', template: 'shift/softmax', stem: `${instance.stem}_shift`, view, scalars };
    },
  };
}

function isPowerOfTwo(value: number): boolean {
  return Number.isInteger(Math.log2(value));
}
