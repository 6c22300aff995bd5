/** How much scratch a step may take for free: what other steps of the unfused graph need anyway. */
import { elementCount } from '../../graph/float.js';
import { type IntegerGraph, type IntegerNode, integerTensor, laneBytes, type TensorId } from '../../graph/integer.js';

/** The tensor whose memory it is: reshapes copy nothing. */
function rootOf(graph: IntegerGraph, id: TensorId): TensorId {
  const writer = graph.nodes.find((node) => node.op === 'reshape' && node.outputs.includes(id));
  return writer ? rootOf(graph, writer.inputs[0]!) : id;
}

function bytesOf(graph: IntegerGraph, id: TensorId): number {
  const tensor = integerTensor(graph, id);
  return tensor.constant ? 0 : elementCount(tensor.shape) * laneBytes(tensor.type);
}

/** Roots of activations → first and last node that touches them. */
function lifetimes(graph: IntegerGraph): ReadonlyMap<TensorId, { first: number; last: number }> {
  const lives = new Map<TensorId, { first: number; last: number }>();
  const touch = (id: TensorId, at: number) => {
    const root = rootOf(graph, id);
    const life = lives.get(root);
    lives.set(root, { first: Math.min(life?.first ?? at, at), last: Math.max(life?.last ?? at, at) });
  };
  for (const port of graph.inputs) touch(port.tensor, -1);
  for (const state of graph.states) for (const id of [state.read, state.write]) [-1, graph.nodes.length].forEach((at) => touch(id, at));
  graph.nodes.forEach((node, at) => [...node.inputs, ...node.outputs].forEach((id) => touch(id, at)));
  for (const port of graph.outputs) touch(port.tensor, graph.nodes.length);
  return lives;
}

/** Bytes by which the activations alive at `node` stay below the largest live set. */
export function spareBytes(graph: IntegerGraph, node: IntegerNode): number {
  const lives = [...lifetimes(graph)].map(([id, life]) => ({ ...life, bytes: bytesOf(graph, id) }));
  const aliveAt = (at: number) => lives.reduce((sum, { first, last, bytes }) => sum + (first <= at && at <= last ? bytes : 0), 0);
  return Math.max(...graph.nodes.map((_, at) => aliveAt(at))) - aliveAt(graph.nodes.indexOf(node));
}

/** Nobody reads the tensor after `node`, neither a later node nor the world outside. */
export function diesAt(graph: IntegerGraph, node: IntegerNode, id: TensorId): boolean {
  const root = rootOf(graph, id);
  const outside = [...graph.inputs, ...graph.outputs].some((port) => rootOf(graph, port.tensor) === root);
  return !outside && lifetimes(graph).get(root)?.last === graph.nodes.indexOf(node) && !integerTensor(graph, root).constant;
}
