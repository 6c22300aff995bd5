/**
 * The float graph computed on codes where float32 holds the integers: fake quantization then gives the codes of the integers
 * instead of nearly always. Real values carry the rounding of their scales into every term, so that one code in a hundred
 * thousand falls on the other side behind a layer, and more behind the next.
 */
import type { FloatGraph, TensorId } from '../graph/float.js';
import type { IntegerGraph } from '../graph/integer.js';
import type { QuantizationPlan } from '../operators/lower.js';
import { normOnCodes, softmaxOnCodes } from './code-norms.js';
import { productOnCodes } from './code-products.js';
import { sumOnCodes } from './code-sums.js';
import { CodeWriter } from './code-writer.js';

export interface CodeGraph {
  readonly graph: FloatGraph;
  /** Tensors of the graph that hold integers once rounded: codes less their zero point. */
  readonly codes: ReadonlySet<TensorId>;
}

/** `graph` is a float graph, `integer` what it was lowered to by `plan`. Tensors of `graph` keep their names and their real values. */
export function withCodeArithmetic(graph: FloatGraph, integer: IntegerGraph, plan: QuantizationPlan): CodeGraph {
  const integers = new Map(integer.nodes.map((node) => [node.outputs[0]!, node]));
  const writer = new CodeWriter(graph);
  for (const node of graph.nodes) {
    const lowered = integers.get(node.outputs[0]!);
    const isRewritten = productOnCodes(writer, node, plan) || (lowered !== undefined && (sumOnCodes(writer, node, lowered, plan) || normOnCodes(writer, node, lowered, integer, plan) || softmaxOnCodes(writer, node, lowered, plan)));
    if (!isRewritten) writer.nodes.push(node);
  }
  return { graph: { ...graph, tensors: writer.tensors, nodes: writer.nodes }, codes: writer.codes };
}
