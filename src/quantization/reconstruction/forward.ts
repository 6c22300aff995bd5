/** A unit of the float graph as a differentiable function of weights, activation steps and inputs. */
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import { evaluateNode } from '../../tensor/evaluate.js';
import type { tf } from '../../tensor/index.js';

export interface ForwardRun {
  readonly batch: number;
  /** Activations from outside ([batch, ...shape]). */
  readonly inputs: ReadonlyMap<TensorId, tf.Tensor>;
  /** Without batch axis. */
  readonly constants: ReadonlyMap<TensorId, tf.Tensor>;
  /** Called for every activation that a node makes. */
  readonly transform?: (id: TensorId, value: tf.Tensor) => tf.Tensor;
}

/** Every activation that the nodes make. Run inside tf.tidy or a gradient, which owns the results. */
export function forward(graph: FloatGraph, nodes: readonly FloatNode[], { batch, inputs, constants, transform }: ForwardRun): ReadonlyMap<TensorId, tf.Tensor> {
  const values = new Map(inputs);
  for (const node of nodes) {
    const context = node.inputs.map((id) => {
      const constant = constants.get(id);
      return { value: constant ?? values.get(id)!, constant: constant !== undefined, shape: tensorOf(graph, id).shape };
    });
    const outputs = evaluateNode(node, { batch, inputs: context, outputShapes: node.outputs.map((id) => tensorOf(graph, id).shape) });
    node.outputs.forEach((id, i) => values.set(id, transform ? transform(id, outputs[i]!) : outputs[i]!));
  }
  return values;
}

/** Constants that the nodes read. */
export function constantsOf(graph: FloatGraph, nodes: readonly FloatNode[]): readonly TensorId[] {
  return [...new Set(nodes.flatMap((node) => node.inputs))].filter((id) => tensorOf(graph, id).data !== undefined);
}
