/** Layers with weights on codes: integers throughout, and one multiplication by the scales behind the sum. */
import { tensorOf, type FloatGraph, type FloatNode } from '../graph/float.js';
import { typeRange } from '../graph/lanes.js';
import { findOperator } from '../operators/index.js';
import type { ActivationPlan, QuantizationPlan, WeightPlan } from '../operators/lower.js';
import { EXACT_INTEGERS, type CodeWriter } from './code-writer.js';
import { biasCodes } from './fake-quant.js';
import { channelIndexer } from './scales.js';

interface Layer {
  readonly input: ActivationPlan;
  readonly weights: WeightPlan;
  /** Places of the weights and the bias among the node's inputs. */
  readonly roles: { readonly input: number; readonly bias?: number };
  readonly bias: Float64Array | null;
}

/** False where the node is no such layer, or where some input could carry a sum out of float32's integers. */
export function productOnCodes(writer: CodeWriter, node: FloatNode, plan: QuantizationPlan): boolean {
  const layer = layerOf(writer.graph, node, plan);
  if (!layer || largestSum(writer.graph, node, layer) >= EXACT_INTEGERS) return false;
  const { input, weights, roles, bias } = layer;
  const inputs = [...node.inputs];
  inputs[0] = writer.codesOf(node, 'codes', node.inputs[0]!, input.scale);
  inputs[roles.input] = writer.constant(node, 'weights', tensorOf(writer.graph, node.inputs[roles.input]!).shape, weights.codes);
  if (bias) inputs[roles.bias!] = writer.constant(node, 'bias', [bias.length], bias);
  const [output] = node.outputs;
  const sum = writer.tensor(node, 'sum', output!);
  writer.nodes.push({ ...node, inputs, outputs: [sum], attributes: { ...inQuanta(node.attributes, input.scale), activation: null } });
  writer.scaled(node, sum, weights.scale.map((scale) => scale * input.scale), output!, { activation: node.attributes['activation'] ?? null });
  return true;
}

/** Padding with values is in units of the input. */
function inQuanta(attributes: FloatNode['attributes'], scale: number): FloatNode['attributes'] {
  const values = attributes['padValues'] as readonly number[] | undefined;
  return values ? { ...attributes, padValues: values.map((value) => value / scale) } : attributes;
}

function layerOf(graph: FloatGraph, node: FloatNode, plan: QuantizationPlan): Layer | null {
  const roles = findOperator(node.op)?.float?.weights;
  const weights = roles && plan.weights.get(node.inputs[roles.input]!);
  const input = plan.activations.get(node.inputs[0]!);
  if (!weights || !input || input.twin) return null;
  const bias = roles.bias === undefined ? undefined : node.inputs[roles.bias];
  return { input, weights, roles, bias: bias === undefined ? null : biasCodes(graph, plan, bias, weights.scale, input.scale) };
}

/** The largest magnitude that a sum can have, whatever the input. */
function largestSum(graph: FloatGraph, node: FloatNode, { input, weights, roles, bias }: Layer): number {
  const [least, most] = typeRange(input);
  const largest = Math.max(most - input.zeroPoint, input.zeroPoint - least);
  const { channelOf, channels } = channelIndexer(tensorOf(graph, node.inputs[roles.input]!).shape, weights.axis);
  const sums = new Float64Array(channels);
  weights.codes.forEach((code, i) => (sums[channelOf(i)]! += Math.abs(code) * largest));
  bias?.forEach((code, c) => (sums[c % channels]! += Math.abs(code)));
  return Math.max(...sums);
}
