/** Activations of 9 to 16 bits in int16 lanes: which tensors may have them, and how many bits 32-bit accumulators leave them. */
import { AccumulatorOverflowError } from '../errors.js';
import type { FloatGraph, FloatNode, TensorId } from '../graph/float.js';
import type { ActivationPlan, NarrowedActivation, QuantizationPlan } from '../operators/lower.js';
import { lowerGraph } from './lower.js';
import { scaleGroups, type ScaleGroup } from './rules.js';
import { BYTE_BITS } from './scales.js';

/** Softmax reads and writes 8 bits; `isAsked`: a layer asks for this very tensor. */
export function canBeWide(graph: FloatGraph, group: ReadonlySet<TensorId>, fixed: ScaleGroup['fixed'], isAsked: boolean): boolean {
  if (fixed) return fixed.largest !== undefined;
  const readers = graph.nodes.filter((node) => node.inputs.some((id) => group.has(id)) && !node.outputs.some((id) => group.has(id)));
  const isOutput = graph.outputs.some((port) => group.has(port.tensor));
  return isAsked || isOutput || readers.length === 0 || readers.some((node) => node.op !== 'softmax');
}

/** Every tensor that a node's value flows into, its own outputs included. */
export function reachedFrom(graph: FloatGraph, start: FloatNode): ReadonlySet<TensorId> {
  const reached = new Set(start.outputs);
  for (const node of graph.nodes) if (node.inputs.some((id) => reached.has(id))) for (const id of node.outputs) reached.add(id);
  return reached;
}

/**
 * The plan with as many bits as 32-bit accumulators allow: lowered on trial, and wherever the proof of a layer fails, the widest
 * activation that it reads loses a bit, together with everything that shares its scale. Exact codes decide, not estimates.
 *
 * @throws AccumulatorOverflowError where 8 bits are too many.
 */
export function fitAccumulators(graph: FloatGraph, plan: QuantizationPlan): QuantizationPlan {
  if (![...plan.activations.values()].some(isWide)) return plan;
  const groups = scaleGroups(graph, plan.arith);
  let fitted = plan;
  for (;;) {
    const failed = failedLayer(graph, fitted);
    if (!failed) return fitted;
    const widest = widestInput(failed.node, fitted);
    if (widest === null) throw failed.error;
    fitted = narrowed(fitted, groups.find(({ members }) => members.includes(widest))?.members ?? [widest], failed.node.origin.nodeName);
  }
}

function isWide({ bits }: ActivationPlan): boolean {
  return bits > BYTE_BITS;
}

/** The first layer whose accumulators leave 32 bits; null where none does or lowering fails for another reason, which is reported later. */
function failedLayer(graph: FloatGraph, plan: QuantizationPlan): { readonly node: FloatNode; readonly error: AccumulatorOverflowError } | null {
  try {
    lowerGraph(graph, plan);
    return null;
  } catch (error) {
    if (!(error instanceof AccumulatorOverflowError)) return null;
    const node = graph.nodes.find(({ origin }) => origin === error.origin);
    if (!node) throw error;
    return { node, error };
  }
}

/** What the layer reads and, where that has 8 bits already, what it writes: the first of the widest. */
function widestInput(node: FloatNode, { activations }: QuantizationPlan): TensorId | null {
  for (const ids of [node.inputs, node.outputs]) {
    const wide = ids.filter((id) => isWide(activations.get(id) ?? NARROW)).sort((a, b) => activations.get(b)!.bits - activations.get(a)!.bits);
    if (wide.length > 0) return wide[0]!;
  }
  return null;
}

const NARROW: ActivationPlan = { bits: BYTE_BITS, signed: true, scale: 1, zeroPoint: 0 };

/** The same range in one bit less; zero points are 0 and stay so. Shifts need steps that stay powers of two apart. */
function narrowed(plan: QuantizationPlan, members: readonly TensorId[], layer: string): QuantizationPlan {
  const activations = new Map(plan.activations);
  const log = new Map((plan.narrowed ?? []).map((entry) => [entry.tensor, entry]));
  for (const id of members) {
    const { bits, signed, scale } = activations.get(id)!;
    const [codes, left] = [2 ** (bits - 1) - 1, 2 ** (bits - 2) - 1];
    activations.set(id, { bits: bits - 1, signed, scale: Math.fround(plan.arith === 'shift' ? 2 * scale : (scale * codes) / left), zeroPoint: 0 });
  }
  log.set(members[0]!, { tensor: members[0]!, bits: activations.get(members[0]!)!.bits, layer });
  return { ...plan, activations, narrowed: [...log.values()] };
}

/** For people, one line a scale; nothing where all have what was asked. */
export function narrowedText(narrowed: readonly NarrowedActivation[] = []): readonly string[] {
  return narrowed.map(({ tensor, bits, layer }: NarrowedActivation) => `'${tensor}' has ${bits} bits: more would not leave 32 for the accumulators of '${layer}'`);
}
