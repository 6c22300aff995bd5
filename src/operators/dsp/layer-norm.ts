/**
 * Layer normalization of bytes on Armv7E-M: the sums of codes and of their squares four codes at a time with SMLAD, and the share
 * of an element as one rounding high multiplication (SMMULR) of its deviation·2^16 by reciprocal·2^shift, which is the same number.
 */
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelArgument, KernelInstance } from '../kernel.js';

export type LayerNormInstance = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

/** Elements that a round of the second loop takes, by preference. */
const UNROLL = [4, 3, 2];

interface RowView {
  readonly depth: number;
  readonly unit: number;
  readonly squaresType: string;
}

/** How accumulators of bytes end, half of the last shift being part of the offset. */
export interface LayerNormEnd {
  readonly shift: number;
  readonly low: number;
  readonly high: number;
}

/** Null where codes have more than 8 bits, or accumulators with the half leave 32. */
export function layerNormEnd(node: IntegerNode, graph: IntegerGraph): LayerNormEnd | null {
  const { inputs, output } = nodeTensors(node, graph, 3);
  const { requantize, bounds } = node;
  const bytes = [inputs[0]!, output].every(({ type }) => type.bits <= 8 && !type.packed);
  if (!bytes || requantize?.mode !== 'shift' || requantize.rounding !== 'halfUp' || requantize.zeroPoint !== 0) return null;
  const reach = (bounds?.accumulator ?? []).map(([low, high]) => Math.max(-low, high + nudgeOf(requantize.shift[0]!)));
  return reach.length > 0 && reach.every((most) => most < 2 ** 31) ? { shift: requantize.shift[0]!, low: requantize.clamp[0], high: requantize.clamp[1] } : null;
}

function nudgeOf(shift: number): number {
  return shift > 0 ? 2 ** (shift - 1) : 0;
}

/** The arguments of the portable kernel with half of the last shift in the offsets. */
export function withNudge(base: KernelInstance, node: IntegerNode): readonly KernelArgument[] {
  const nudge = nudgeOf((node.requantize as { readonly shift: readonly number[] }).shift[0]!);
  const nudged = (data: Codes) => Int32Array.from(data, (code) => code + nudge);
  return base.arguments.map((a) => (a.kind === 'constant' && a.name === 'offset' ? { ...a, data: nudged(a.data) } : a));
}

/** Places that take a code to its deviation's 2^16. */
export function fieldShift(base: KernelInstance): number {
  return 16 + Math.log2((base.view as RowView).unit);
}

/** Bits of a clamp that one saturation does; null for others. */
export function saturationBits({ low, high }: LayerNormEnd): number | null {
  const bits = Math.log2(high + 1) + 1;
  return low === -high - 1 && Number.isInteger(bits) ? bits : null;
}

export function dspLayerNorm(portable: LayerNormInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const end = layerNormEnd(node!, graph);
      if (!features.dsp || !features.unalignedAccess || !end || saturationBits(end) === null) return false;
      const { depth, squaresType } = portable(node!, graph).view as RowView;
      return depth >= 4 && squaresType === 'int32_t';
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const { depth } = base.view as RowView;
      const end = layerNormEnd(node!, graph)!;
      const [bits, shift] = [saturationBits(end)!, end.shift];
      const signed = nodeTensors(node!, graph, 3).inputs[0]!.type.signed;
      const suffix = signed ? 's8' : 'u8';
      const unroll = UNROLL.find((n) => depth % n === 0) ?? 1;
      const elements = Array.from({ length: unroll }, (_, i) => ({ index: i, element: i === 0 ? 'i' : `i + ${i}` }));
      const code = `${fieldShift(base)}_${bits}_${shift}`;
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/layer-norm',
        view: { ...base.view, suffix, whole: depth - (depth % 4), unroll, elements, shift, bits, end: code },
        arguments: withNudge(base, node!),
        scalars: base.scalars.filter((name) => name.startsWith('layerNorm')),
        support: [
          { template: 'dsp/lanes', view: {} },
          { template: 'dsp/square-sums', view: { suffix, extend: signed ? 'sxtb16' : 'uxtb16' } },
          { template: 'dsp/layer-norm-code', view: { end: code, fieldShift: fieldShift(base), bits, shift } },
        ],
      };
    },
  };
}
