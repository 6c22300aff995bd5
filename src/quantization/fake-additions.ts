/**
 * Sums in the float graph with the ratios that the integers use. Their multipliers have 15 bits, so that an operand counts
 * up to 2^-15 more or less than its scale says; without that, one code in two thousand differs behind every sum.
 */
import type { FloatGraph, FloatNode, FloatTensor, TensorId } from '../graph/float.js';
import { tensorOf } from '../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../graph/integer.js';
import type { QuantizationPlan } from '../operators/lower.js';

/** The graph with a factor in front of every operand of a sum that the integer graph computes in the `dyadic` variant. */
export function withIntegerSums(graph: FloatGraph, integer: IntegerGraph, plan: QuantizationPlan): FloatGraph {
  const sums = new Map(integer.nodes.filter((node) => node.attributes['variant'] === 'dyadic' && node.attributes['inputMultipliers'] !== undefined).map((node) => [node.outputs[0]!, node]));
  const tensors = new Map<TensorId, FloatTensor>(graph.tensors);
  const nodes = graph.nodes.flatMap((node) => {
    const sum = sums.get(node.outputs[0]!);
    const factors = sum && sum.op === node.op ? ratios(node, sum, plan) : null;
    return factors ? scaled(graph, node, factors, tensors) : [node];
  });
  return { ...graph, tensors, nodes };
}

/** What an operand of scale Sx counts in the integers, over what it should: M·2^−shift·Sy / Sx. */
function ratios(node: FloatNode, { attributes, requantize }: IntegerNode, { activations }: QuantizationPlan): readonly number[] | null {
  const output = activations.get(node.outputs[0]!);
  const inputs = node.inputs.map((id) => activations.get(id));
  if (!output || requantize?.mode !== 'shift' || inputs.some((plan) => !plan)) return null;
  const multipliers = attributes['inputMultipliers'] as readonly number[];
  return inputs.map((plan, i) => (Math.abs(multipliers[i]!) * output.scale) / (2 ** requantize.shift[0]! * plan!.scale));
}

function scaled(graph: FloatGraph, node: FloatNode, factors: readonly number[], tensors: Map<TensorId, FloatTensor>): readonly FloatNode[] {
  const products: FloatNode[] = [];
  const inputs = node.inputs.map((id, i) => {
    const tensor = tensorOf(graph, id);
    if (tensor.data) return id;
    const name = `${node.id}:operand${i}`;
    tensors.set(name, { ...tensor, id: name, name });
    tensors.set(`${name}:ratio`, { id: `${name}:ratio`, name: `${name}:ratio`, shape: [1], type: 'float32', data: Float32Array.of(factors[i]!), origin: tensor.origin });
    products.push({ id: name, op: 'mul', inputs: [id, `${name}:ratio`], outputs: [name], attributes: { activation: null }, origin: node.origin });
    return name;
  });
  return [...products, { ...node, inputs }];
}
