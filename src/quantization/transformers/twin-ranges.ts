/** Which activations take two ranges (PTQ4ViT): shares behind softmax and values behind functions with a shallow negative side. */
import type { FloatGraph, TensorId } from '../../graph/float.js';
import type { ActivationPlan } from '../../operators/lower.js';
import { twinBits } from '../../operators/twin.js';
import type { ScaleGroup } from '../rules.js';
import { roundHalfAway, typeRange } from '../../graph/lanes.js';

/** Depth of the negative side: |min| of x·Φ(x) and of x·σ(x). */
const NEGATIVE_SIDE: Readonly<Record<string, number>> = { gelu: 0.16997124254703522, silu: 0.2784645427610738 };
/** Shares are exact up to so many steps (src/operators/softmax.ts), and lanes have 16 bits. */
const MOST_STEPS = 2 ** 13;
const LANE_BITS = 16;

export type TwinKind = { readonly kind: 'shares' } | { readonly kind: 'signs'; readonly depth: number };

/** Null where a uniform range fits. */
export function twinKind(graph: FloatGraph, { members }: ScaleGroup): TwinKind | null {
  const group = new Set<TensorId>(members);
  const producers = graph.nodes.filter((node) => node.outputs.some((id) => group.has(id)) && !node.inputs.some((id) => group.has(id)));
  if (producers.length !== 1) return null;
  const { op, attributes } = producers[0]!;
  if (op === 'softmax') return { kind: 'shares' };
  const depth = op === 'unary' ? NEGATIVE_SIDE[attributes['function'] as string] : undefined;
  return depth === undefined ? null : { kind: 'signs', depth };
}

/** Shares of [0, 1]: the upper range counts 1/most, the lower one 2^shift times finer, up to one step of the split 2^-shift. */
export function shareCandidates(bits: number): readonly ActivationPlan[] {
  const most = 2 ** (bits - 1) - 1;
  const shifts = Array.from({ length: LANE_BITS }, (_, i) => i + 1).filter((shift) => most * 2 ** shift <= MOST_STEPS && bits + shift <= LANE_BITS);
  return shifts.map((shift) => {
    const twin = { bits, shift, split: most };
    return { bits: twinBits(twin), signed: true, scale: Math.fround(1 / (most * 2 ** shift)), zeroPoint: 0, twin };
  });
}

/** The positive side as wide as asked; the negative side the finest power of two that still reaches its depth. */
export function signedTwin(high: number, depth: number, bits: number): ActivationPlan | null {
  const most = 2 ** (bits - 1) - 1;
  const shift = Math.min(LANE_BITS - bits, Math.floor(Math.log2(high / depth)));
  if (!(shift >= 1)) return null;
  const twin = { bits, shift, split: 0 };
  return { bits: twinBits(twin), signed: true, scale: Math.fround(high / most / 2 ** shift), zeroPoint: 0, twin };
}

/** The largest real value of a uniform plan. */
export function largestValue(plan: ActivationPlan): number {
  return plan.scale * (typeRange(plan)[1] - plan.zeroPoint);
}

/** For people. */
export function twinText(plans: ReadonlyMap<TensorId, ActivationPlan>): string {
  const shifts = [...plans.values()].flatMap(({ twin }) => (twin ? [twin.shift] : []));
  const [least, most] = [Math.min(...shifts), Math.max(...shifts)];
  return `${shifts.length} activations have two ranges, 2^${least}${least === most ? '' : ` to 2^${roundHalfAway(most)}`} apart`;
}
