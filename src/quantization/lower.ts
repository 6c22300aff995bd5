/** FloatGraph + QuantizationPlan → IntegerGraph: carries out what the plan decided, through the operators' own lowering. */
import { UnsupportedOperatorError, type UnsupportedNode } from '../errors.js';
import type { Preprocess } from '../calibration/types.js';
import { elementCount, type FloatGraph, type FloatNode } from '../graph/float.js';
import { INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION, type IntegerGraph, type IntegerNode, type IntegerTensor, type TensorId } from '../graph/integer.js';
import { findOperator } from '../operators/index.js';
import type { QuantizationPlan } from '../operators/lower.js';
import { nominalMacs } from '../operators/nominal-macs.js';
import { lowerByShifts, type TransformerFunctions } from '../operators/shift-functions.js';
import { lowerInputs } from './lower-inputs.js';
import { Lowering } from './lowering.js';

export interface LowerOptions {
  /** Port name → preprocessing of raw uint8 data: such an input becomes uint8 with a table in front. */
  readonly preprocess?: ReadonlyMap<string, Preprocess>;
  /** Name and version of the tool, for the provenance. */
  readonly tool?: string;
  /** Softmax, GELU and SiLU by tables (the default), or by shifts as in I-ViT. */
  readonly functions?: TransformerFunctions;
}

/** Throws UnsupportedOperatorError with every node that has no integer form, AccumulatorOverflowError naming the layer. */
export function lowerGraph(graph: FloatGraph, plan: QuantizationPlan, options: LowerOptions = {}): IntegerGraph {
  const lowering = new Lowering(graph, plan);
  const inputs = lowerInputs(graph, lowering, options.preprocess ?? new Map());
  const unsupported: UnsupportedNode[] = [];
  for (const node of graph.nodes) lowerNode(node, lowering, unsupported, options.functions === 'ivit');
  if (unsupported.length > 0) throw new UnsupportedOperatorError(unsupported, 'quantize');
  const { tensors, nodes } = lowering;
  const outputs = graph.outputs.map((port) => ({ ...port, tensor: lowering.integer(port.tensor).id }));
  return {
    schema: INTEGER_GRAPH_SCHEMA,
    version: INTEGER_GRAPH_VERSION,
    name: graph.name,
    origin: graph.source,
    inputs,
    outputs,
    states: [],
    tensors: usedTensors(tensors, nodes, [...inputs, ...outputs].map((port) => port.tensor)),
    nodes,
    provenance: {
      tool: options.tool ?? 'ptq-gen',
      method: plan.method,
      bits: plan.bits,
      arith: plan.arith,
      seed: plan.seed,
      calibrationSha256: plan.calibrationSha256,
    },
    nominalMacs: nominalMacs(graph),
  };
}

/** After the first unsupported node the others are still tried, so that all of them are reported at once. */
function lowerNode(node: FloatNode, lowering: Lowering, unsupported: UnsupportedNode[], byShifts: boolean): void {
  if (node.inputs.every((id) => lowering.isConstant(id)) && node.outputs.every((id) => !lowering.isPlanned(id))) return;
  const lower = findOperator(node.op)?.float?.lower;
  if (!lower) {
    unsupported.push({ origin: node.origin, reason: `operator '${node.op}' has no integer form yet` });
  } else {
    try {
      if (!byShifts || !lowerByShifts(node, lowering)) lower(node, lowering);
    } catch (error) {
      if (unsupported.length === 0 && lowering.refused.length === 0) throw error;
    }
    unsupported.push(...lowering.takeRefused());
  }
  if (unsupported.length > 0) lowering.declareMissing(node);
}

function usedTensors(tensors: ReadonlyMap<TensorId, IntegerTensor>, nodes: readonly IntegerNode[], ports: readonly TensorId[]): ReadonlyMap<TensorId, IntegerTensor> {
  const used = new Set([...ports, ...nodes.flatMap((n) => [...n.inputs, ...n.outputs])]);
  return new Map([...tensors].filter(([id]) => used.has(id)));
}

/** Parameters of the model: elements of every constant that a node reads. */
export function parameterCount(graph: FloatGraph): number {
  const read = new Set(graph.nodes.flatMap((n) => n.inputs));
  let count = 0;
  for (const tensor of graph.tensors.values()) if (tensor.data && read.has(tensor.id)) count += elementCount(tensor.shape);
  return count;
}
