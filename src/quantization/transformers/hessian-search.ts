/**
 * Scales of weights and activations by search (PTQ4ViT, Yuan et al., 2022): factor by factor, weights and activations in
 * turn, for the least change of every product's output weighted by the squared gradient of the prediction. Operands are
 * those of the float network (the paper's parallel mode), so products only meet in scales that they share.
 */
import type { CalibrationTable } from '../../calibration/types.js';
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import { roundHalfAway, typeRange } from '../../graph/lanes.js';
import type { ActivationPlan, QuantizationPlan, WeightPlan } from '../../operators/lower.js';
import { scaleGroups, type ScaleGroup } from '../rules.js';
import { activationPlan, BYTE_BITS, channelIndexer, channelMaxima } from '../scales.js';
import { activationInputs, constantWeights, isProduct } from '../widths.js';
import { factors, leastPerBlock, ProductErrors, type FloatValues } from './product-errors.js';
import { largestValue, shareCandidates, signedTwin, twinKind, type TwinKind } from './twin-ranges.js';

export interface ScaleSearchOptions {
  /** Search factors of the scales. */
  readonly scales: boolean;
  /** Two ranges for shares and for what lies behind GELU and SiLU. */
  readonly twins: boolean;
  /** Bits of such an activation. */
  readonly twinBits: number;
  readonly note?: (text: string) => void;
}

/** The paper tries 100 factors in three rounds; its authors say that 20 are enough. */
const FACTORS = factors(0.4, 1.2, 20);
const ROUNDS = 2;

export function searchScales(graph: FloatGraph, plan: QuantizationPlan, calibration: CalibrationTable | null, float: FloatValues, options: ScaleSearchOptions): QuantizationPlan {
  const products = graph.nodes.filter(isProduct);
  const groups = readGroups(graph, plan, products, calibration, options);
  let found = plan;
  for (let round = 0; round < (options.scales ? ROUNDS : 1); round++) {
    options.note?.(`scales, round ${round + 1}`);
    if (options.scales) for (const node of products) found = searchWeights(graph, found, node, float);
    for (const group of groups) found = searchGroup(graph, found, group, float);
  }
  return found;
}

/** A scale that products read, and what may take its place. */
interface ReadGroup {
  readonly members: readonly TensorId[];
  readonly readers: readonly FloatNode[];
  readonly candidates: readonly ActivationPlan[];
}

function readGroups(graph: FloatGraph, plan: QuantizationPlan, products: readonly FloatNode[], calibration: CalibrationTable | null, options: ScaleSearchOptions): readonly ReadGroup[] {
  const fed = new Set(graph.inputs.map((port) => port.tensor));
  return scaleGroups(graph, plan.arith).flatMap((group) => {
    const readers = products.filter((node) => activationInputs(node).some((id) => group.members.includes(id)));
    if (readers.length === 0 || group.members.some((id) => fed.has(id))) return [];
    const candidates = candidatesOf(group, plan.activations.get(group.members[0]!)!, options.twins ? twinKind(graph, group) : null, calibration, options);
    return candidates.length > 0 ? [{ members: group.members, readers, candidates }] : [];
  });
}

function candidatesOf({ members, fixed }: ScaleGroup, present: ActivationPlan, twin: TwinKind | null, calibration: CalibrationTable | null, { scales, twinBits }: ScaleSearchOptions): readonly ActivationPlan[] {
  if (twin?.kind === 'shares') return shareCandidates(twinBits);
  if (fixed) return [];
  const [low, high] = observed(members, calibration, present);
  if (twin) {
    const tried = scales ? FACTORS.map((factor) => high * factor) : [largestValue(present)];
    return tried.flatMap((most) => signedTwin(most, twin.depth, twinBits) ?? []);
  }
  return scales && present.bits <= BYTE_BITS ? [present, ...FACTORS.map((factor) => activationPlan(low * factor, high * factor, present.bits, present.signed))] : [];
}

/** Least and largest value of the members; the present range where nothing was observed. */
function observed(members: readonly TensorId[], calibration: CalibrationTable | null, present: ActivationPlan): readonly [number, number] {
  const ranges = members.flatMap((id) => calibration?.ranges.get(id) ?? []);
  if (ranges.length === 0) return [present.scale * (typeRange(present)[0] - present.zeroPoint), largestValue(present)];
  return [Math.min(0, ...ranges.map((range) => range.min)), Math.max(0, ...ranges.map((range) => range.max))];
}

function searchGroup(graph: FloatGraph, plan: QuantizationPlan, { members, readers, candidates }: ReadGroup, float: FloatValues): QuantizationPlan {
  const plans = candidates.map((candidate) => withActivation(plan, members, candidate));
  const errors = new Float64Array(plans.length);
  for (const node of plans.length > 1 ? readers : []) {
    const product = new ProductErrors(graph, node, float);
    try {
      plans.forEach((one, i) => void (errors[i]! += product.total(one)));
    } finally {
      product.dispose();
    }
  }
  return plans[errors.indexOf(Math.min(...errors))]!;
}

function withActivation(plan: QuantizationPlan, members: readonly TensorId[], activation: ActivationPlan): QuantizationPlan {
  return { ...plan, activations: new Map([...plan.activations, ...members.map((id) => [id, activation] as const)]) };
}

/** Every output channel takes the factor that serves it best; its present scale stays where no factor is better. */
function searchWeights(graph: FloatGraph, plan: QuantizationPlan, node: FloatNode, float: FloatValues): QuantizationPlan {
  const id = constantWeights(graph, node);
  const present = id === undefined ? undefined : plan.weights.get(id);
  const channels = tensorOf(graph, node.outputs[0]!).shape.at(-1)!;
  if (id === undefined || !present || present.bits >= BYTE_BITS || present.encoding || present.scale.length !== channels) return plan;
  const candidates = [present, ...scaledWeights(graph, id, present)];
  const product = new ProductErrors(graph, node, float);
  try {
    const errors = candidates.map((one) => product.perChannel({ ...plan, weights: new Map([...plan.weights, [id, one]]) }));
    const best = leastPerBlock(errors, (c) => c, channels);
    const { channelOf } = channelIndexer(tensorOf(graph, id).shape, present.axis);
    const chosen = { ...present, scale: best.map((i, c) => candidates[i]!.scale[c]!), codes: present.codes.map((_, k) => candidates[best[channelOf(k)]!]!.codes[k]!) };
    return { ...plan, weights: new Map([...plan.weights, [id, chosen]]) };
  } finally {
    product.dispose();
  }
}

/** The largest magnitude of a channel half a step above the last code, times every factor. */
function scaledWeights(graph: FloatGraph, id: TensorId, { bits, axis }: WeightPlan): readonly WeightPlan[] {
  const { data, shape } = tensorOf(graph, id);
  const { channelOf } = channelIndexer(shape, axis);
  const [least, most] = typeRange({ bits, signed: true });
  const maxima = channelMaxima(data as Float32Array, shape, axis);
  return FACTORS.map((factor) => {
    const scale = Array.from(maxima, (maximum) => Math.fround((factor * (maximum || 1)) / (most + 0.5)));
    return { bits, axis, scale, codes: Int8Array.from(data!, (w, k) => Math.max(least, Math.min(most, roundHalfAway(w / scale[channelOf(k)]!)))) };
  });
}
