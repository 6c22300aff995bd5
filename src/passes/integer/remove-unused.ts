/** Nodes and tensors that no output and no state depends on. */
import type { IntegerGraph } from '../../graph/integer.js';

export function removeUnused(graph: IntegerGraph): IntegerGraph {
  const read = new Set([...graph.outputs.map((p) => p.tensor), ...graph.states.map((s) => s.write)]);
  const nodes = [...graph.nodes].reverse().filter((node) => {
    if (!node.outputs.some((id) => read.has(id))) return false;
    for (const id of node.inputs) read.add(id);
    return true;
  });
  if (nodes.length === graph.nodes.length) return graph;
  const kept = new Set([...read, ...graph.inputs.map((p) => p.tensor), ...graph.states.map((s) => s.read), ...nodes.flatMap((n) => n.outputs)]);
  return { ...graph, nodes: nodes.reverse(), tensors: new Map([...graph.tensors].filter(([id]) => kept.has(id))) };
}
