/** Products of two tensors: the loops of the portable kernel around the folded requantization. */
import { nodeTensors } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { foldRequantize } from './requantize.js';

export function dspMul(portable: Kernel): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const { inputs, output } = nodeTensors(node!, graph, 2);
      return features.dsp && [...inputs, output].every((t) => t.type.bits <= 8 && !t.type.packed) && foldRequantize(node!, 1) !== null;
    },
    instantiate(context) {
      const base = portable.instantiate(context);
      const { kind, doubled, saturation, channels } = foldRequantize(context.group[0]!, 1)!;
      const { multiplier, addend, shift } = channels[0]!;
      const suffix = `${kind}_${saturation.signed ? 's' : 'u'}${saturation.bits}_${shift}`;
      const view = { suffix, away: kind === 'away', multiply: kind === 'floor' ? 'smmla' : 'smmlar', saturate: saturation.signed ? 'ssat' : 'usat', bits: saturation.bits, shift };
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/mul',
        view: { ...base.view, suffix, doubled, multiplier, addend },
        scalars: [],
        support: [{ template: 'dsp/requantize-one', view }],
      };
    },
  };
}
