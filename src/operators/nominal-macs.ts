import { tensorOf, type FloatGraph } from '../graph/float.js';
import { findOperator } from './index.js';

/** Multiply-accumulates of one sample as the field counts them: those of the imported model, read or not. */
export function nominalMacs(graph: FloatGraph): number {
  return graph.nominalMacs ?? graph.nodes.reduce((sum, node) => {
    const inputs = node.inputs.map((id) => tensorOf(graph, id));
    const outputs = node.outputs.map((id) => tensorOf(graph, id).shape);
    return sum + (findOperator(node.op)?.float?.macs?.(node, inputs, outputs) ?? 0);
  }, 0);
}
