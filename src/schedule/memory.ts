/** Steps → arena: lifetimes, buffers shared in place, scratch, the best of several placements. */
import type { IntegerGraph, TensorId } from '../graph/integer.js';
import type { Target } from '../targets/target.js';
import { inPlacePairs, largestLiveSet, type Lifetime, lifetimesOf, liveSetBytes } from './lifetimes.js';
import { type Buffer, place, type Placement } from './placement.js';
import type { ArenaPlan, Step } from './schedule.js';

export function planMemory(graph: IntegerGraph, target: Target, steps: readonly Step[], aliases: ReadonlyMap<TensorId, TensorId>, keepInput: boolean): ArenaPlan {
  const lifetimes = lifetimesOf(graph, steps, aliases, keepInput);
  const alignment = arenaAlignment(target);
  const shared = sharedBuffers(lifetimes, inPlacePairs(steps, lifetimes, aliases));
  const scratch = steps.flatMap((s) => (s.scratchBytes > 0 ? [scratchBuffer(s)] : []));
  const buffers = [...shared.buffers, ...scratch].map((b) => ({ ...b, bytes: roundUp(b.bytes, alignment) }));
  const lowerBoundBytes = largestLiveSet(buffers);
  const placement = place(buffers, lowerBoundBytes);
  const offsets = new Map([...lifetimes.keys()].map((id) => [id, placement.offsets.get(shared.bufferOf(id))!]));
  for (const [alias, root] of aliases) if (offsets.has(root)) offsets.set(alias, offsets.get(root)!);
  return {
    offsets,
    scratchOffsets: steps.map((s) => scratchOffset(s, placement)),
    bytes: placement.bytes,
    liveSetBytes: liveSetBytes(graph, aliases),
    lowerBoundBytes,
    heuristic: placement.heuristic,
    lifetimes,
  };
}

/** Every buffer starts at a multiple of this; vector loads of Helium want 16. */
export function arenaAlignment(target: Target): number {
  return target.features.mve ? 16 : 4;
}

function roundUp(bytes: number, alignment: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function scratchBuffer(step: Step): Buffer {
  return { id: `scratch of step ${step.index}`, bytes: step.scratchBytes, first: step.index, last: step.index };
}

function scratchOffset(step: Step, placement: Placement): number {
  return step.scratchBytes > 0 ? placement.offsets.get(scratchBuffer(step).id)! : 0;
}

interface SharedBuffers {
  readonly buffers: readonly Buffer[];
  bufferOf(id: TensorId): string;
}

/** One buffer a chain of tensors that are computed in place. Pairs come in the order of the steps. */
function sharedBuffers(lifetimes: ReadonlyMap<TensorId, Lifetime>, pairs: readonly (readonly [TensorId, TensorId])[]): SharedBuffers {
  const owner = new Map<TensorId, TensorId>();
  const find = (id: TensorId): TensorId => owner.get(id) ?? id;
  for (const [output, input] of pairs) owner.set(output, find(input));
  const buffers = new Map<TensorId, Buffer>();
  for (const [id, life] of lifetimes) {
    const root = find(id);
    const known = buffers.get(root);
    buffers.set(root, {
      id: root,
      bytes: Math.max(known?.bytes ?? 0, life.bytes),
      first: Math.min(known?.first ?? life.first, life.first),
      last: Math.max(known?.last ?? life.last, life.last),
    });
  }
  return { buffers: [...buffers.values()], bufferOf: find };
}
