import type { GraphEditor } from './editor.js';

/** One rewrite. */
export interface FloatPass {
  /** The file's basename. */
  readonly name: string;
  /** What one application did, for the log: "batch norms folded into weights". */
  readonly title: string;
  /** Rewrites wherever it applies and returns how often it did. */
  run(editor: GraphEditor): number;
}

/** Applies `rewrite` to every node of the given operators once; a node that a rewrite before it has removed is passed over. */
export function forEachNode(editor: GraphEditor, ops: readonly string[], rewrite: (node: ReturnType<GraphEditor['list']>[number]) => boolean): number {
  let count = 0;
  for (const node of editor.list()) if (ops.includes(node.op) && editor.has(node) && rewrite(node)) count++;
  return count;
}
