/** Code ranges as narrow as the channel analysis proves them, and every bound proven again from them. */
import type { IntegerGraph, IntegerNode, IntegerTensor, TensorId } from '../../graph/integer.js';
import { reachedEntries } from '../../operators/table-kernel.js';
import { proveNode } from '../../quantization/bounds.js';
import { analyseChannels } from './channel-analysis.js';

export function tightenCodeRanges(graph: IntegerGraph): IntegerGraph {
  const { facts } = analyseChannels(graph);
  const tensors = new Map<TensorId, IntegerTensor>();
  const ports = new Set([...graph.inputs.map((p) => p.tensor), ...graph.states.flatMap((s) => [s.read, s.write])]);
  for (const tensor of graph.tensors.values()) {
    const fact = facts.get(tensor.id);
    if (!fact || ports.has(tensor.id)) tensors.set(tensor.id, tensor);
    else tensors.set(tensor.id, { ...tensor, codeRange: [least(fact.low), most(fact.high)] });
  }
  for (const node of graph.nodes) if (node.op === 'unary') coverTable(node, tensors);
  const tightened = { ...graph, tensors };
  return { ...tightened, nodes: graph.nodes.map((node) => proveNode(node, tightened)) };
}

/** A table's output covers the entries of every code between the ends of its input, reached or not. */
function coverTable(node: IntegerNode, tensors: Map<TensorId, IntegerTensor>): void {
  const [input, table] = node.inputs.map((id) => tensors.get(id)!);
  const output = tensors.get(node.outputs[0])!;
  const [first, last] = reachedEntries(input.type, ...input.codeRange);
  const entries = Array.from(table.constant!.data.subarray(first, last + 1));
  tensors.set(output.id, { ...output, codeRange: [Math.min(...entries), Math.max(...entries)] });
}

function least(values: Int32Array): number {
  return values.reduce((low, v) => (v < low ? v : low), values[0]);
}

function most(values: Int32Array): number {
  return values.reduce((high, v) => (v > high ? v : high), values[0]);
}
