/** Products of two tensors: the loops of the portable kernel around the folded requantization. */
import { nodeTensors } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';

/** Fields of the function that requantizes one sum. */
export function oneCodeView({ kind, saturation, channels }: FoldedRequantize) {
  const { shift } = channels[0]!;
  const suffix = `${kind}_${saturation.signed ? 's' : 'u'}${saturation.bits}_${shift}`;
  return { suffix, away: kind === 'away', multiply: kind === 'floor' ? 'smmla' : 'smmlar', saturate: saturation.signed ? 'ssat' : 'usat', bits: saturation.bits, shift };
}

export function dspMul(portable: Kernel): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const { inputs, output } = nodeTensors(node!, graph, 2);
      return features.dsp && [...inputs, output].every((t) => t.type.bits <= 8 && !t.type.packed) && foldRequantize(node!, 1) !== null;
    },
    instantiate(context) {
      const base = portable.instantiate(context);
      const folded = foldRequantize(context.group[0]!, 1)!;
      const { multiplier, addend } = folded.channels[0]!;
      const view = oneCodeView(folded);
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/mul',
        view: { ...base.view, suffix: view.suffix, doubled: folded.doubled, multiplier, addend },
        scalars: [],
        support: [{ template: 'dsp/requantize-one', view }],
      };
    },
  };
}
