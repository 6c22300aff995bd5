/** One batch through a float graph: nodes in order, each value disposed of after its last use. */
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../graph/float.js';
import { evaluateNode } from '../tensor/evaluate.js';
import { tf } from '../tensor/index.js';

export type TensorValues = Map<TensorId, tf.Tensor>;

export interface BatchRun {
  /** Number of samples. */
  readonly batch: number;
  /** Without batch axis; owned by the caller. */
  readonly constants: TensorValues;
  /** [batch, ...shape]; disposed of here. */
  readonly inputs: TensorValues;
  readonly transform?: (id: TensorId, value: tf.Tensor) => tf.Tensor;
  readonly wanted: ReadonlySet<TensorId>;
  /** Called once for every wanted tensor that is not a constant. */
  readonly deliver: (id: TensorId, value: tf.Tensor) => void;
}

/** `nodes`: those that depend on an input, in execution order. Leaves no tensor behind, also when it throws. */
export function runBatch(graph: FloatGraph, nodes: readonly FloatNode[], run: BatchRun): void {
  const live: TensorValues = new Map(run.inputs);
  const uses = countUses(nodes);
  try {
    for (const [id, value] of run.inputs) settle(id, value, run, uses, live);
    for (const node of nodes) {
      const outputs = evaluateNode(node, contextOf(graph, node, run, live));
      node.outputs.forEach((id, i) => live.set(id, outputs[i]!));
      node.outputs.forEach((id, i) => settle(id, outputs[i]!, run, uses, live));
      for (const id of node.inputs) release(id, uses, live);
    }
  } finally {
    for (const value of live.values()) value.dispose();
  }
}

function contextOf(graph: FloatGraph, node: FloatNode, run: BatchRun, live: TensorValues): Parameters<typeof evaluateNode>[1] {
  const inputs = node.inputs.map((id) => {
    const constant = run.constants.get(id);
    return { value: constant ?? live.get(id)!, constant: constant !== undefined, shape: tensorOf(graph, id).shape };
  });
  return { batch: run.batch, inputs, outputShapes: node.outputs.map((id) => tensorOf(graph, id).shape) };
}

/** Transforms and delivers a value that has just come into being, and drops it where nothing reads it. */
function settle(id: TensorId, value: tf.Tensor, run: BatchRun, uses: ReadonlyMap<TensorId, number>, live: TensorValues): void {
  const settled = run.transform ? tf.tidy(() => run.transform!(id, value)) : value;
  if (settled !== value) value.dispose();
  live.set(id, settled);
  if (run.wanted.has(id)) run.deliver(id, settled);
  if (!uses.get(id)) drop(id, live);
}

function countUses(nodes: readonly FloatNode[]): Map<TensorId, number> {
  const uses = new Map<TensorId, number>();
  for (const node of nodes) for (const id of node.inputs) uses.set(id, (uses.get(id) ?? 0) + 1);
  return uses;
}

function release(id: TensorId, uses: Map<TensorId, number>, live: TensorValues): void {
  const left = (uses.get(id) ?? 0) - 1;
  uses.set(id, left);
  if (left <= 0) drop(id, live);
}

function drop(id: TensorId, live: TensorValues): void {
  live.get(id)?.dispose();
  live.delete(id);
}
