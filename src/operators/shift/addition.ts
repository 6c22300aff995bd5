/** add and sub of the dyadic form without multiplication: both factors as sums of shifts. */
import { integersAttribute } from '../attributes.js';
import { foldedRounding } from '../addition.js';
import { binaryKernel } from '../binary.js';
import type { Kernel } from '../kernel.js';
import { requantizeScalars, requantizeView } from '../views.js';
import { shiftedStatements } from './terms.js';

export function shiftAddition(op: 'add' | 'sub'): Kernel {
  const portable = binaryKernel(op, (node, view) => {
    const [a, b] = integersAttribute(node, 'inputMultipliers', 2) as [number, number];
    const { requantize, offset } = foldedRounding(node);
    const terms = { statements: [...shiftedStatements('a_code', a), ...shiftedStatements('b_code', b)], start: offset >>> 0 };
    return { view: { ...view, requantize: requantizeView(requantize), ...terms }, scalars: requantizeScalars(requantize), variant: '_shift' };
  });
  return {
    family: 'shift',
    when: ({ group }) => group[0]!.attributes['variant'] === 'dyadic',
    instantiate: (context) => ({ ...portable.instantiate(context), family: 'shift', template: 'shift/addition' }),
  };
}
