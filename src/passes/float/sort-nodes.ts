/** Execution order of nodes, the given order kept where it is possible. */
import type { FloatNode, TensorId } from '../../graph/float.js';

/** Depth first from each node in turn, inputs before readers. Nodes must not form a cycle. */
export function sortNodes(nodes: readonly FloatNode[]): FloatNode[] {
  const producer = new Map<TensorId, FloatNode>();
  for (const node of nodes) for (const id of node.outputs) producer.set(id, node);
  const done = new Set<FloatNode>();
  const sorted: FloatNode[] = [];
  for (const root of nodes) {
    const stack: { node: FloatNode; next: number }[] = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      const input = top.node.inputs[top.next++];
      if (done.has(top.node)) stack.pop();
      else if (input === undefined) {
        done.add(top.node);
        sorted.push(top.node);
        stack.pop();
      } else {
        const before = producer.get(input);
        if (before && !done.has(before)) stack.push({ node: before, next: 0 });
      }
    }
  }
  return sorted;
}
