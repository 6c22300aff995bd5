/** Steps → arena: lifetimes, shared memory, scratch, the best of several placements. */
import type { IntegerGraph, TensorId } from '../graph/integer.js';
import type { Target } from '../targets/target.js';
import { type Lifetime, lifetimesOf, liveSetBytes, sharingsOf } from './lifetimes.js';
import { lowerBound } from './lower-bound.js';
import { placeOptimally } from './optimal-placement.js';
import { type Buffer, type Effort, place, type Placement, type Problem, type Sharing } from './placement.js';
import type { ArenaPlan, Step } from './schedule.js';
import { packedTensors } from './strips/packed-rows.js';

/** The same plan with the least arena, where the heuristics left a gap to the lower bound; says whether that is proven. */
export async function optimizePlan(target: Target, steps: readonly Step[], aliases: ReadonlyMap<TensorId, TensorId>, plan: ArenaPlan): Promise<ArenaPlan> {
  if (plan.proof !== 'none') return plan;
  const { lifetimes, liveSetBytes: liveSet, lowerBoundBytes } = plan;
  const problem = placementProblem(target, steps, lifetimes, sharingsOf(steps, lifetimes, aliases));
  const quick: Placement = { offsets: offsetsOfBuffers(plan, steps), bytes: plan.bytes, heuristic: plan.heuristic };
  const searched = bestPlacement(problem, lowerBoundBytes, 'thorough');
  const known = searched.bytes < quick.bytes ? searched : quick;
  if (known.bytes <= lowerBoundBytes) return arenaPlan(steps, aliases, lifetimes, known, { liveSetBytes: liveSet, lowerBoundBytes });
  const { placement, proven } = await placeOptimally(problem, known, lowerBoundBytes);
  const better = arenaPlan(steps, aliases, lifetimes, placement, { liveSetBytes: liveSet, lowerBoundBytes: proven ? placement.bytes : lowerBoundBytes });
  return { ...better, proof: proven ? 'solver' : 'none' };
}

function offsetsOfBuffers(plan: ArenaPlan, steps: readonly Step[]): ReadonlyMap<string, number> {
  const scratch = steps.filter((s) => s.scratchBytes > 0).map((s) => [scratchBuffer(s).id, plan.scratchOffsets[s.index]!] as const);
  return new Map([...[...plan.lifetimes.keys()].map((id) => [id, plan.offsets.get(id)!] as const), ...scratch]);
}

export function planMemory(graph: IntegerGraph, target: Target, steps: readonly Step[], aliases: ReadonlyMap<TensorId, TensorId>, keepInput: boolean, effort: Effort = 'quick'): ArenaPlan {
  const lifetimes = lifetimesOf(graph, steps, aliases, keepInput, packedTensors(steps));
  const problem = placementProblem(target, steps, lifetimes, sharingsOf(steps, lifetimes, aliases));
  const lowerBoundBytes = lowerBound(problem);
  return arenaPlan(steps, aliases, lifetimes, bestPlacement(problem, lowerBoundBytes, effort), { liveSetBytes: liveSetBytes(graph, aliases), lowerBoundBytes });
}

/** Every buffer starts at a multiple of this; vector loads of Helium and of GPUs want 16. */
export function arenaAlignment(target: Target): number {
  return target.features.mve || target.features.manyThreads ? 16 : 4;
}

/** Activations and scratch as buffers to place. */
export function placementProblem(target: Target, steps: readonly Step[], lifetimes: ReadonlyMap<TensorId, Lifetime>, sharings: readonly Sharing[]): Problem {
  const alignment = arenaAlignment(target);
  const scratch = steps.flatMap((s) => (s.scratchBytes > 0 ? [scratchBuffer(s)] : []));
  const activations = [...lifetimes].map(([id, life]): Buffer => ({ id, ...life }));
  return {
    buffers: [...activations, ...scratch].map((b) => ({ ...b, bytes: roundUp(b.bytes, alignment) })),
    sharings: sharings.map((s) => ({ ...s, distance: s.distance === null ? null : roundUp(s.distance, alignment) })),
    alignment,
  };
}

/** A placement as offsets of tensors and scratch. */
export function arenaPlan(
  steps: readonly Step[],
  aliases: ReadonlyMap<TensorId, TensorId>,
  lifetimes: ReadonlyMap<TensorId, Lifetime>,
  placement: Placement,
  bounds: Pick<ArenaPlan, 'liveSetBytes' | 'lowerBoundBytes'>,
): ArenaPlan {
  const offsets = new Map([...lifetimes.keys()].map((id) => [id, placement.offsets.get(id)!]));
  for (const [alias, root] of aliases) if (offsets.has(root)) offsets.set(alias, offsets.get(root)!);
  return {
    offsets,
    scratchOffsets: steps.map((s) => (s.scratchBytes > 0 ? placement.offsets.get(scratchBuffer(s).id)! : 0)),
    bytes: placement.bytes,
    ...bounds,
    heuristic: placement.heuristic,
    proof: placement.bytes <= bounds.lowerBoundBytes ? 'live-set' : 'none',
    lifetimes,
  };
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function scratchBuffer(step: Step): Buffer {
  return { id: `scratch of step ${step.index}`, bytes: step.scratchBytes, first: step.index, last: step.index };
}

/** Chains computed in place as one buffer each, which is easier to place well, or every tensor by itself, which leaves more freedom. */
function bestPlacement(problem: Problem, bound: number, effort: Effort): Placement {
  const merged = mergeInPlace(problem);
  const chained = place(merged.problem, bound, effort);
  if (chained.bytes <= bound) return expand(chained, merged.bufferOf);
  const free = place(problem, bound, effort);
  return free.bytes < chained.bytes ? free : expand(chained, merged.bufferOf);
}

interface Merged {
  readonly problem: Problem;
  /** Buffer of the merged problem that holds a buffer of the given one. */
  readonly bufferOf: ReadonlyMap<string, string>;
}

/** One buffer a chain of tensors that are computed in place. Sharings come in the order of the steps. */
function mergeInPlace({ buffers, sharings, alignment }: Problem): Merged {
  const owner = new Map<string, string>();
  const find = (id: string): string => owner.get(id) ?? id;
  for (const { output, input, distance } of sharings) if (distance === null && !owner.has(output)) owner.set(output, find(input));
  const byRoot = new Map<string, Buffer>();
  for (const buffer of buffers) {
    const root = find(buffer.id);
    const { bytes, first, last } = byRoot.get(root) ?? buffer;
    byRoot.set(root, { id: root, bytes: Math.max(bytes, buffer.bytes), first: Math.min(first, buffer.first), last: Math.max(last, buffer.last) });
  }
  const left = sharings.filter((s) => s.distance !== null && !owner.has(s.output)).map((s) => ({ ...s, output: find(s.output), input: find(s.input) }));
  return { problem: { buffers: [...byRoot.values()], sharings: left, alignment }, bufferOf: new Map(buffers.map((b) => [b.id, find(b.id)])) };
}

function expand(placement: Placement, bufferOf: ReadonlyMap<string, string>): Placement {
  return { ...placement, offsets: new Map([...bufferOf].map(([id, buffer]) => [id, placement.offsets.get(buffer)!])) };
}
