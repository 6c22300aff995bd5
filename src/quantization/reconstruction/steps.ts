/** The activation scales that a unit learns: one a group of tensors that share it, all of them made inside the unit. */
import { typeRange } from '../../graph/lanes.js';
import type { FloatGraph, TensorId } from '../../graph/float.js';
import type { ActivationPlan, QuantizationPlan } from '../../operators/lower.js';
import { scaleGroups } from '../rules.js';
import type { CodeInterval } from './activations.js';
import { Adam } from './adam.js';
import type { Unit } from './units.js';

/** Activations of this many bits and more stay real while a unit learns; their rounding is too fine to be learned against. */
const FINE_BITS = 8;
const LEAST_STEP = 1e-8;

export class LearnedStep {
  readonly value: Float32Array;
  private readonly adam: Adam;
  private readonly start: number;

  constructor(
    readonly members: readonly TensorId[],
    readonly plan: ActivationPlan,
    /** False where part of the group lies outside the unit: quantized, not learned. */
    readonly isLearned: boolean,
  ) {
    this.start = plan.scale;
    this.value = Float32Array.of(plan.scale);
    this.adam = new Adam(this.value);
  }

  get interval(): CodeInterval {
    const [least, most] = typeRange(this.plan);
    return { least: least - this.plan.zeroPoint, most: most - this.plan.zeroPoint };
  }

  /** `rate` as a fraction of the start. */
  learn(gradient: number, rate: number): void {
    if (!this.isLearned) return;
    this.adam.step([gradient], rate * this.start);
    this.value[0] = Math.max(this.value[0]!, LEAST_STEP);
  }
}

export function learnedSteps(graph: FloatGraph, unit: Unit, plan: QuantizationPlan): readonly LearnedStep[] {
  const made = new Set(unit.nodes.flatMap((node) => node.outputs));
  return scaleGroups(graph, plan.arith).flatMap(({ members, fixed }) => {
    const own = members.filter((id) => made.has(id));
    const activation = own.length > 0 ? plan.activations.get(own[0]!) : undefined;
    if (!activation || activation.bits >= FINE_BITS) return [];
    return [new LearnedStep(members, activation, !fixed && own.length === members.length)];
  });
}
