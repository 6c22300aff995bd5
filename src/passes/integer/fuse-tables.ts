/** Neighbouring functions of one 8-bit code (table, clamp, rescaling) become one table, made by running both on every code. */
import { createSimulator } from '../../../sim/index.js';
import { integerTensor, type Codes, type IntegerGraph, type IntegerNode, type IntegerTensor, type TensorId } from '../../graph/integer.js';
import { typeRange } from '../../graph/lanes.js';
import { privateTensors, producers } from './uses.js';

const POINTWISE = new Set(['unary', 'clamp', 'requantize']);

export function fuseTables(graph: IntegerGraph): IntegerGraph {
  const hidden = privateTensors(graph);
  const made = producers(graph);
  const second = graph.nodes.find((node) => {
    const first = POINTWISE.has(node.op) && hidden.has(node.inputs[0]) ? made.get(node.inputs[0]) : undefined;
    return first !== undefined && POINTWISE.has(first.op) && isByte(graph, first.inputs[0]) && isByte(graph, node.inputs[0]) && isByte(graph, node.outputs[0]);
  });
  if (!second) return graph;
  const first = made.get(second.inputs[0])!;
  const table = addTable(graph, second, everyCode(graph, first, second));
  const fused: IntegerNode = { id: second.id, op: 'unary', inputs: [first.inputs[0], table.id], outputs: second.outputs, attributes: {}, origin: second.origin };
  const nodes = graph.nodes.filter((node) => node !== first).map((node) => (node === second ? fused : node));
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const gone = [second.inputs[0], ...first.inputs.slice(1), ...second.inputs.slice(1)].filter((id) => !read.has(id));
  const tensors = new Map([...graph.tensors, [table.id, table] as const].filter(([id]) => !gone.includes(id)));
  return fuseTables({ ...graph, nodes, tensors });
}

function isByte(graph: IntegerGraph, id: TensorId): boolean {
  const { bits, packed } = integerTensor(graph, id).type;
  return bits <= 8 && !packed;
}

/** Both nodes over all codes of the first one's input, lowest first. */
function everyCode(graph: IntegerGraph, first: IntegerNode, second: IntegerNode): Codes {
  const input = integerTensor(graph, first.inputs[0]);
  const [lowest, highest] = typeRange(input.type);
  const shape = [highest - lowest + 1];
  const reshaped = [first.inputs[0], second.inputs[0], second.outputs[0]].map((id): readonly [TensorId, IntegerTensor] => [id, { ...integerTensor(graph, id), shape, codeRange: typeRange(integerTensor(graph, id).type) }]);
  const port = (tensor: TensorId) => ({ name: tensor, tensor, sourceShape: shape, batchAxis: null, permutation: null });
  const pair: IntegerGraph = { ...graph, inputs: [port(input.id)], outputs: [port(second.outputs[0])], states: [], tensors: new Map([...graph.tensors, ...reshaped]), nodes: [first, second] };
  return createSimulator(pair).run([Int16Array.from({ length: shape[0] }, (_, i) => lowest + i)])[0];
}

function addTable(graph: IntegerGraph, node: IntegerNode, data: Codes): IntegerTensor {
  const output = integerTensor(graph, node.outputs[0]);
  let id = `${node.id}:table`;
  while (graph.tensors.has(id)) id += ':fused';
  const codes = Array.from(data);
  return { id, name: id, shape: [data.length], type: output.type, real: output.real, constant: { encoding: { kind: 'affine' }, data }, codeRange: [Math.min(...codes), Math.max(...codes)], origin: node.origin };
}
