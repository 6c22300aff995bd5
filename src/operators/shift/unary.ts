/** unary of codes of more than 8 bits without multiplication: the line between two knots by shifted sums. */
import { integerTensor } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { KNOT_BITS } from '../table-kernel.js';

export function shiftUnary(portable: Kernel): Kernel {
  return {
    family: 'shift',
    when: ({ graph, group }) => integerTensor(graph, group[0]!.inputs[0]!).type.bits >= KNOT_BITS,
    instantiate(context) {
      const instance = portable.instantiate(context);
      return { ...instance, family: 'shift', template: 'shift/unary-interpolated', stem: `${instance.stem}_shift`, scalars: ['interpolateByBits'] };
    },
  };
}
