/** Look-ups of byte codes, four a round. */
import { elementCount } from '../../graph/float.js';
import { typeRange } from '../../graph/lanes.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { signedTerm } from '../views.js';

/** `portable` is the kernel that is to be sped up. */
export function dspTable(portable: Kernel): Kernel {
  return {
    family: 'dsp',
    when: (context) => context.features.dsp && portable.when(context) && nodeTensors(context.group[0]!, context.graph, 1, 2).inputs[0]!.type.bits <= 8,
    instantiate(context) {
      const base = portable.instantiate(context);
      const { inputs, output } = nodeTensors(context.group[0]!, context.graph, 1, 2);
      const count = elementCount(output.shape);
      const whole = count - (count % 4);
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/unary',
        view: { ...base.view, offset: signedTerm(-typeRange(inputs[0]!.type)[0]), whole, rest: Array.from({ length: count % 4 }, (_, i) => whole + i) },
      };
    },
  };
}
