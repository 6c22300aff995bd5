/** Graphs side by side in one: many cases in one program, where each build counts. */
import type { IntegerGraph, IntegerNode, IntegerTensor } from '../../src/graph/integer.js';

/** Ids and names get a prefix; inputs and outputs follow each other in the order of the graphs. */
export function mergeGraphs(graphs: readonly IntegerGraph[]): IntegerGraph {
  const parts = graphs.map((graph, i) => prefixed(graph, `g${i}/`));
  return {
    ...graphs[0]!,
    name: 'merged',
    tensors: new Map(parts.flatMap(({ tensors }) => [...tensors])),
    nodes: parts.flatMap(({ nodes }) => nodes),
    inputs: parts.flatMap(({ inputs }) => inputs),
    outputs: parts.flatMap(({ outputs }) => outputs),
  };
}

function prefixed(graph: IntegerGraph, prefix: string): IntegerGraph {
  const moved = (id: string) => prefix + id;
  const tensor = (one: IntegerTensor): IntegerTensor => ({ ...one, id: moved(one.id), name: moved(one.name) });
  const node = (one: IntegerNode): IntegerNode => ({ ...one, id: moved(one.id), inputs: one.inputs.map(moved), outputs: one.outputs.map(moved) });
  const port = <P extends { readonly tensor: string; readonly name: string }>(one: P): P => ({ ...one, name: moved(one.name), tensor: moved(one.tensor) });
  return {
    ...graph,
    tensors: new Map([...graph.tensors.values()].map((one) => [moved(one.id), tensor(one)])),
    nodes: graph.nodes.map(node),
    inputs: graph.inputs.map(port),
    outputs: graph.outputs.map(port),
  };
}
