/**
 * Layer normalization of bytes on Armv7E-M: the sums of codes and of their squares four codes at a time with SMLAD, and the share
 * of an element as one rounding high multiplication (SMMULR) of its deviation·2^16 by reciprocal·2^shift, which is the same number.
 */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelInstance } from '../kernel.js';

/** Elements that a round of the second loop takes, by preference. */
const UNROLL = [4, 3, 2];

interface RowView {
  readonly depth: number;
  readonly squaresType: string;
}

/** One half of the last shift, which is part of the offset here. */
function nudge(node: IntegerNode): number {
  const { requantize } = node;
  if (requantize?.mode !== 'shift' || requantize.rounding !== 'halfUp') return Number.NaN;
  return requantize.shift[0]! > 0 ? 2 ** (requantize.shift[0]! - 1) : 0;
}

function codesFit(node: IntegerNode): boolean {
  const { requantize, bounds } = node;
  const reach = (bounds?.accumulator ?? []).map(([low, high]) => Math.max(-low, high + nudge(node)));
  const symmetric = requantize!.clamp[0] === -requantize!.clamp[1] - 1 && Number.isInteger(Math.log2(requantize!.clamp[1] + 1));
  return requantize!.zeroPoint === 0 && symmetric && reach.every((most) => most < 2 ** 31);
}

export function dspLayerNorm(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const { inputs, output } = nodeTensors(node!, graph, 3);
      const bytes = [inputs[0]!, output].every(({ type }) => type.bits <= 8 && !type.packed);
      if (!features.dsp || !features.unalignedAccess || !bytes || !output.type.signed || !codesFit(node!)) return false;
      const { depth, squaresType } = portable(node!, graph).view as RowView;
      return depth >= 4 && squaresType === 'int32_t';
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const { depth } = base.view as RowView;
      const x = nodeTensors(node!, graph, 3).inputs[0]!;
      const { shift, clamp } = node!.requantize as { readonly shift: readonly number[]; readonly clamp: readonly [number, number] };
      const unroll = UNROLL.find((n) => depth % n === 0) ?? 1;
      const suffix = x.type.signed ? 's8' : 'u8';
      const view = { ...base.view, suffix, whole: depth - (depth % 4), unroll, elements: Array.from({ length: unroll }, (_, i) => ({ index: i, element: i === 0 ? 'i' : `i + ${i}` })), shift: shift[0], bits: Math.log2(clamp[1] + 1) + 1 };
      const end = `${suffix}_${view.bits}_${shift[0]}`;
      const offset = Int32Array.from(offsetOf(base), (code) => code + nudge(node!));
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/layer-norm',
        view: { ...view, end },
        arguments: base.arguments.map((a) => (a.kind === 'constant' && a.name === 'offset' ? { ...a, data: offset } : a)),
        scalars: base.scalars.filter((name) => name.startsWith('layerNorm')),
        support: [
          { template: 'dsp/lanes', view: {} },
          { template: 'dsp/square-sums', view: { suffix, extend: x.type.signed ? 'sxtb16' : 'uxtb16' } },
          { template: 'dsp/layer-norm-code', view: { end, fieldShift: 16 + Math.log2((base.view as { unit: number }).unit), bits: view.bits, shift: shift[0] } },
        ],
      };
    },
  };
}

function offsetOf(base: KernelInstance): Codes {
  return (base.arguments.find((a) => a.kind === 'constant' && a.name === 'offset') as { readonly data: Codes }).data;
}
