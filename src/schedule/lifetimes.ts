/** From when to when every activation must hold its value, and which of them may share one buffer in place. */
import { elementCount } from '../graph/float.js';
import { type IntegerGraph, integerTensor, laneBytes, type TensorId } from '../graph/integer.js';
import { isAlias } from './aliases.js';
import type { Step } from './schedule.js';

export interface Lifetime {
  /** Step that writes it; −1 = before the first step. */
  readonly first: number;
  /** Last step that reads it; the number of steps = after the last one. */
  readonly last: number;
  readonly bytes: number;
}

export function tensorBytes(graph: IntegerGraph, id: TensorId): number {
  const { shape, type } = integerTensor(graph, id);
  return type.packed ? Math.ceil((elementCount(shape) * type.bits) / 8) : elementCount(shape) * laneBytes(type);
}

/** One unit of work: what it reads and writes, as roots of aliases. */
export interface Work {
  readonly reads: readonly TensorId[];
  readonly writes: readonly TensorId[];
}

/** Lifetimes of all roots that `works` touch, in order; inputs live from −1, outputs (and kept inputs and states) to the end. */
export function lifetimesOf(graph: IntegerGraph, works: readonly Work[], aliases: ReadonlyMap<TensorId, TensorId>, keepInput: boolean): ReadonlyMap<TensorId, Lifetime> {
  const root = (id: TensorId) => aliases.get(id) ?? id;
  const first = new Map<TensorId, number>();
  const last = new Map<TensorId, number>();
  const extend = (id: TensorId, step: number) => {
    if (!first.has(id)) first.set(id, step);
    last.set(id, Math.max(last.get(id) ?? step, step));
  };
  for (const port of graph.inputs) extend(root(port.tensor), -1);
  for (const state of graph.states) extend(root(state.read), -1);
  works.forEach((work, step) => {
    for (const id of [...work.reads, ...work.writes]) extend(id, step);
  });
  const kept = [...graph.outputs.map((p) => p.tensor), ...graph.states.flatMap((s) => [s.read, s.write]), ...(keepInput ? graph.inputs.map((p) => p.tensor) : [])];
  for (const id of kept) extend(root(id), works.length);
  return new Map([...first].map(([id, from]) => [id, { first: from, last: last.get(id)!, bytes: tensorBytes(graph, id) }]));
}

/** Largest sum of tensors alive at one node of the unfused graph: no in-place, no scratch, inputs dead after use. */
export function liveSetBytes(graph: IntegerGraph, aliases: ReadonlyMap<TensorId, TensorId>): number {
  const roots = (ids: readonly TensorId[]) => [...new Set(ids.map((id) => aliases.get(id) ?? id))].filter((id) => !integerTensor(graph, id).constant);
  const works = graph.nodes.filter((n) => !isAlias(n)).map((n) => ({ reads: roots(n.inputs), writes: roots(n.outputs) }));
  return largestLiveSet([...lifetimesOf(graph, works, aliases, false).values()]);
}

export function largestLiveSet(items: readonly Lifetime[]): number {
  let largest = 0;
  for (const { first: step } of items) {
    const alive = items.reduce((sum, item) => sum + (item.first <= step && step <= item.last ? item.bytes : 0), 0);
    largest = Math.max(largest, alive);
  }
  return largest;
}

/** Pairs [output, input] of roots that may share memory: the kernel allows it and the input dies at that step. */
export function inPlacePairs(steps: readonly Step[], lifetimes: ReadonlyMap<TensorId, Lifetime>, aliases: ReadonlyMap<TensorId, TensorId>): readonly (readonly [TensorId, TensorId])[] {
  const pairs: [TensorId, TensorId][] = [];
  for (const step of steps) {
    if (step.writes.length !== 1) continue;
    const output = step.writes[0]!;
    const names = step.kernel.arguments.flatMap((a) => (a.kind === 'input' ? [a.tensor] : []));
    for (const index of step.kernel.inPlace ?? []) {
      const name = step.nodes[0]!.inputs[index]!;
      const input = aliases.get(name) ?? name;
      const life = lifetimes.get(input);
      // The same memory read under another shape would be overwritten in another order.
      const readOtherwise = names.some((other) => other !== name && (aliases.get(other) ?? other) === input);
      if (!life || readOtherwise || life.last !== step.index || life.bytes < lifetimes.get(output)!.bytes) continue;
      pairs.push([output, input]);
      break;
    }
  }
  return pairs;
}
