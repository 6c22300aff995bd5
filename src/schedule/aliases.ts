/** Reshapes cost nothing: their output is their input's memory under another shape. */
import { IntegerGraphError } from '../errors.js';
import type { IntegerGraph, IntegerNode, TensorId } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { operator } from '../operators/index.js';

export function isAlias(node: IntegerNode): boolean {
  return operator(node.op).integer?.alias === true;
}

/** Every tensor whose memory belongs to another → that other, chains followed to their root. */
export function resolveAliases(graph: IntegerGraph): ReadonlyMap<TensorId, TensorId> {
  const roots = new Map<TensorId, TensorId>();
  for (const node of graph.nodes) {
    if (!isAlias(node)) continue;
    const source = node.inputs[0]!;
    for (const output of node.outputs) roots.set(output, roots.get(source) ?? source);
  }
  for (const port of graph.outputs) requireMemory(graph, roots.get(port.tensor) ?? port.tensor, port.name);
  return roots;
}

function requireMemory(graph: IntegerGraph, root: TensorId, name: string): void {
  const tensor = integerTensor(graph, root);
  if (tensor.constant) {
    throw new IntegerGraphError(`output '${name}' is the constant '${tensor.name}': nothing is left to compute`, { origin: tensor.origin });
  }
}
