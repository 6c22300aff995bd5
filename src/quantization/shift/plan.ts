/** Shift weights of every layer, given how many terms a weight each of them takes. */
import { UsageError } from '../../errors.js';
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';
import type { ActivationPlan, WeightPlan } from '../../operators/lower.js';
import { termBits } from '../../operators/shift/weights.js';
import { shiftWeightPlan } from './weights.js';

const MOST_TERM_BITS = 4;

/** Layer (node of the float graph) → terms a weight. */
export type TermsOf = (node: FloatNode) => number;

/** Constant weights of every layer; weight bits above four say no more than four bits a term. */
export function planShiftWeights(graph: FloatGraph, activations: ReadonlyMap<TensorId, ActivationPlan>, terms: TermsOf, bits: (node: FloatNode) => number): Map<TensorId, WeightPlan> {
  if (graph.quantized) throw new UsageError(`--arith shift needs a float model, and '${graph.name}' is quantized already`, { hint: 'give the float model it was made from' });
  const weights = new Map<TensorId, WeightPlan>();
  for (const { node, id } of shiftLayers(graph)) weights.set(id, layerWeights(graph, node, activations, terms(node), Math.min(MOST_TERM_BITS, bits(node))));
  return weights;
}

/** How many layers take how many terms, and what that makes in bits a weight. */
export function termsText(weights: ReadonlyMap<TensorId, WeightPlan>): string {
  const layers = new Map<number, number>();
  let [bits, count] = [0, 0];
  for (const { encoding, codes } of weights.values()) {
    if (!encoding) continue;
    layers.set(encoding.terms, (layers.get(encoding.terms) ?? 0) + 1);
    bits += encoding.terms * termBits(encoding) * codes.length;
    count += codes.length;
  }
  const parts = [...layers].sort(([a], [b]) => a - b).map(([terms, number]) => `${terms} power(s) of two in ${number} layer(s)`);
  return `weights are sums of ${parts.join(', ')}: ${(bits / Math.max(1, count)).toFixed(2)} bits a weight`;
}

/** Nodes with constant weights, in order. */
export function shiftLayers(graph: FloatGraph): readonly { readonly node: FloatNode; readonly id: TensorId }[] {
  return graph.nodes.flatMap((node) => {
    const roles = findOperator(node.op)?.float?.weights;
    const id = roles && node.inputs[roles.input];
    return id !== undefined && tensorOf(graph, id).data ? [{ node, id }] : [];
  });
}

export function layerWeights(graph: FloatGraph, node: FloatNode, activations: ReadonlyMap<TensorId, ActivationPlan>, terms: number, termBits: number): WeightPlan {
  const roles = findOperator(node.op)!.float!.weights!;
  const tensor = tensorOf(graph, node.inputs[roles.input]!);
  const input = activations.get(node.inputs[0]!)!;
  const output = activations.get(node.outputs[0]!)!;
  const bias = roles.bias === undefined || node.inputs[roles.bias] === undefined ? [0] : (tensorOf(graph, node.inputs[roles.bias]!).data ?? [0]);
  const axis = roles.channelAxis === 'none' ? null : roles.channelAxis;
  const magnitudes = Array.from(bias, (b) => Math.abs(b) / output.scale);
  const isEach = axis !== null && bias.length === tensor.shape[axis];
  return shiftWeightPlan(tensor.data as Float32Array, tensor.shape, axis, { terms, termBits, ratio: output.scale / input.scale, biases: isEach ? magnitudes : [Math.max(...magnitudes)] });
}
