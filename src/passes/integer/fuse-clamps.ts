/** A clamp behind an operator that clamps its own output becomes part of it: clamping twice is clamping once, tighter. */
import { integerTensor, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';
import { privateTensors, producers } from './uses.js';

type Range = readonly [number, number];

export function fuseClamps(graph: IntegerGraph): IntegerGraph {
  const hidden = privateTensors(graph);
  const made = producers(graph);
  const clamps = graph.nodes.filter((node) => node.op === 'clamp' && hidden.has(node.inputs[0]) && fuses(graph, made.get(node.inputs[0]), node));
  // Chains of clamps shrink one by one.
  const clamp = clamps[0];
  if (!clamp) return graph;
  const producer = made.get(clamp.inputs[0])!;
  const nodes = graph.nodes.filter((node) => node !== clamp).map((node) => (node === producer ? clamped(producer, clamp) : node));
  const tensors = new Map([...graph.tensors].filter(([id]) => id !== clamp.inputs[0]));
  return fuseClamps({ ...graph, nodes, tensors });
}

function fuses(graph: IntegerGraph, producer: IntegerNode | undefined, clamp: IntegerNode): boolean {
  if (producer?.outputs.length !== 1 || !ownClamp(producer)) return false;
  const before = integerTensor(graph, clamp.inputs[0]).type;
  const after = integerTensor(graph, clamp.outputs[0]).type;
  return before.bits === after.bits && before.signed === after.signed && before.packed === after.packed;
}

function ownClamp(node: IntegerNode): Range | undefined {
  return node.requantize?.clamp ?? (node.attributes['clamp'] as Range | undefined);
}

function clamped(producer: IntegerNode, clamp: IntegerNode): IntegerNode {
  const [low, high] = clamp.attributes['clamp'] as unknown as Range;
  const within = (code: number) => Math.min(high, Math.max(low, code));
  const [ownLow, ownHigh] = ownClamp(producer)!;
  const range: Range = [within(ownLow), within(ownHigh)];
  const outputs = clamp.outputs;
  return producer.requantize ? { ...producer, outputs, requantize: { ...producer.requantize, clamp: range } } : { ...producer, outputs, attributes: { ...producer.attributes, clamp: range } };
}
