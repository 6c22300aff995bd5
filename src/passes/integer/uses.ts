/** Who reads a tensor. */
import type { IntegerGraph, IntegerNode, TensorId } from '../../graph/integer.js';

/** Tensors that exactly one node reads, once, and that no port and no state shows: they may vanish into a fused node. */
export function privateTensors(graph: IntegerGraph): ReadonlySet<TensorId> {
  const reads = new Map<TensorId, number>();
  for (const node of graph.nodes) for (const id of node.inputs) reads.set(id, (reads.get(id) ?? 0) + 1);
  const shown = new Set([...graph.inputs, ...graph.outputs].map((port) => port.tensor).concat(graph.states.flatMap((s) => [s.read, s.write])));
  return new Set([...reads].filter(([id, count]) => count === 1 && !shown.has(id)).map(([id]) => id));
}

export function producers(graph: IntegerGraph): ReadonlyMap<TensorId, IntegerNode> {
  return new Map(graph.nodes.flatMap((node) => node.outputs.map((id) => [id, node] as const)));
}
