/** Carries scales that a file states for an activation over the nodes that only move values (transpose, reshape). */
import type { FloatNode, SourceQuantization, TensorId } from '../graph/float.js';

const MOVES_ONLY = new Set(['transpose', 'reshape']);

/**
 * A scale stated behind a layout node holds in front of it too, and the other way round, because such a node changes no
 * value. So a pass may drop the node without losing the scale. Only per-tensor scales are spread.
 */
export function spreadQuantization(nodes: readonly FloatNode[], stated: ReadonlyMap<TensorId, SourceQuantization>): ReadonlyMap<TensorId, SourceQuantization> {
  const all = new Map(stated);
  const copy = (from: TensorId, to: TensorId): void => {
    const quantization = all.get(from);
    if (quantization && quantization.axis === null && !all.has(to)) all.set(to, quantization);
  };
  for (const node of [...nodes].reverse()) if (MOVES_ONLY.has(node.op)) copy(node.outputs[0]!, node.inputs[0]!);
  for (const node of nodes) if (MOVES_ONLY.has(node.op)) copy(node.inputs[0]!, node.outputs[0]!);
  return all;
}
