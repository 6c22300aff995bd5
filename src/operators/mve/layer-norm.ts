/** Layer normalization of bytes on Helium: sums of codes and squares 16 at a time, results four at a time. */
import type { Kernel } from '../kernel.js';
import { fieldShift, layerNormEnd, type LayerNormInstance, withNudge } from '../dsp/layer-norm.js';
import { nodeTensors } from '../integer-checks.js';

/** Instructions for four results, without the shift. */
const RESULT_INSTRUCTIONS = 13;

export function mveLayerNorm(portable: LayerNormInstance): Kernel {
  return {
    family: 'mve',
    when: ({ features, graph, group: [node] }) => features.mve && layerNormEnd(node!, graph) !== null && (portable(node!, graph).view as { squaresType: string }).squaresType === 'int32_t',
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const { shift, low, high } = layerNormEnd(node!, graph)!;
      const lane = nodeTensors(node!, graph, 3).inputs[0]!.type.signed ? 's' : 'u';
      return {
        ...base,
        family: 'mve',
        template: 'mve/layer-norm',
        stem: `${base.stem}_mve`,
        view: { ...base.view, lane, shift, low, high, fieldShift: fieldShift(base), instructions: RESULT_INSTRUCTIONS + (shift > 0 ? 1 : 0) },
        arguments: withNudge(base, node!),
        scalars: [...base.scalars.filter((name) => name.startsWith('layerNorm')), 'clamp'],
      };
    },
  };
}
