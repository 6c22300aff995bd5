/** Execution order of nodes (stable: a sorted file stays as it is), or the cycle that prevents one. */
import type { OnnxNode } from './reader.js';

export type SortedNodes = { readonly order: readonly OnnxNode[]; readonly cycle?: undefined } | { readonly cycle: readonly OnnxNode[] };

/** Depth first without recursion, because graphs are thousands of nodes deep. */
export function sortNodes(nodes: readonly OnnxNode[], producers: ReadonlyMap<string, OnnxNode>): SortedNodes {
  const order: OnnxNode[] = [];
  const done = new Set<OnnxNode>();
  const open = new Set<OnnxNode>();
  for (const start of nodes) {
    const stack = [start];
    while (stack.length > 0) {
      const node = stack[stack.length - 1]!;
      const next = done.has(node) ? undefined : node.inputs.map((name) => producers.get(name)).find((p) => p !== undefined && !done.has(p));
      if (next === undefined) {
        stack.pop();
        open.delete(node);
        if (!done.has(node)) order.push(node);
        done.add(node);
        continue;
      }
      open.add(node);
      if (open.has(next)) return { cycle: [...stack.slice(stack.indexOf(next)), next] };
      stack.push(next);
    }
  }
  return { order };
}
