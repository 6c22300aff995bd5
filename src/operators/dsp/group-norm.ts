/**
 * Group normalization of bytes on Armv7E-M: sums of codes and squares four codes at a time, as dsp/layer-norm.ts; then channel by
 * channel, so that gain and offset stay in registers, the share of an element by one rounding high multiplication.
 */
import type { Kernel } from '../kernel.js';
import { nodeTensors } from '../integer-checks.js';
import { fieldShift, layerNormEnd, type LayerNormInstance, saturationBits, withNudge } from './layer-norm.js';

/** Positions that a round of the second loop takes, by preference. */
const UNROLL = [4, 3, 2];

interface GroupView {
  readonly width: number;
  readonly positions: number;
  readonly channels: number;
  readonly fraction: number;
  readonly squaresType: string;
}

export function dspGroupNorm(portable: LayerNormInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, graph, group: [node] }) {
      const end = layerNormEnd(node!, graph);
      return features.dsp && features.unalignedAccess && end !== null && saturationBits(end) !== null && (portable(node!, graph).view as GroupView).squaresType === 'int32_t';
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const { width, positions, channels, fraction } = base.view as GroupView;
      const end = layerNormEnd(node!, graph)!;
      const [bits, shift] = [saturationBits(end)!, end.shift];
      const signed = nodeTensors(node!, graph, 3).inputs[0]!.type.signed;
      const suffix = signed ? 's8' : 'u8';
      const unroll = UNROLL.find((n) => positions % n === 0) ?? 1;
      const code = `${fieldShift(base)}_${bits}_${shift}`;
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/group-norm',
        view: {
          ...base.view,
          suffix,
          words: Array.from({ length: Math.floor(width / 4) }, (_, i) => 4 * i),
          rest: Array.from({ length: width % 4 }, (_, i) => width - (width % 4) + i),
          unroll,
          elements: Array.from({ length: unroll }, (_, i) => i * channels),
          step: unroll * channels,
          end: code,
        },
        arguments: withNudge(base, node!),
        scalars: base.scalars.filter((name) => name.startsWith('layerNorm') && name !== 'layerNormShare'),
        support: [
          { template: 'dsp/lanes', view: {} },
          { template: 'dsp/square-sums', view: { suffix, extend: signed ? 'sxtb16' : 'uxtb16' } },
          { template: 'dsp/layer-norm-code', view: { end: code, fieldShift: fieldShift(base), bits, shift } },
          { template: 'dsp/group-norm-code', view: { end: code, fraction, bits, shift } },
        ],
      };
    },
  };
}
