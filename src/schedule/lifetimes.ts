/** From when to when every activation must hold its value, and which of them may share memory. */
import { elementCount } from '../graph/float.js';
import { type IntegerGraph, integerTensor, laneBytes, type TensorId } from '../graph/integer.js';
import { isAlias } from './aliases.js';
import type { Sharing } from './placement.js';
import type { Step } from './schedule.js';
import type { PackedRows } from './strips/packed-rows.js';

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

/** Bytes of a tensor as it lies in the arena. */
export function arenaBytes(graph: IntegerGraph, id: TensorId, packed: ReadonlyMap<TensorId, PackedRows>): number {
  const rows = packed.get(id);
  return rows ? rows.height * rows.rowBytes : tensorBytes(graph, id);
}

/** One unit of work: what it reads and writes, as roots of aliases. */
export interface Work {
  readonly reads: readonly TensorId[];
  readonly writes: readonly TensorId[];
}

/**
 * Lifetimes of all roots that `works` touch, in order; inputs live from −1, outputs (and kept inputs and states) to the end.
 * Tensors of `packed` take fewer bytes than their codes.
 */
export function lifetimesOf(graph: IntegerGraph, works: readonly Work[], aliases: ReadonlyMap<TensorId, TensorId>, keepInput: boolean, packed: ReadonlyMap<TensorId, PackedRows> = new Map()): ReadonlyMap<TensorId, Lifetime> {
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
  return new Map([...first].map(([id, from]) => [id, { first: from, last: last.get(id)!, bytes: arenaBytes(graph, id, packed) }]));
}

/** Largest sum of tensors alive at one node of the unfused graph: no in-place, no scratch, inputs dead after use. */
export function liveSetBytes(graph: IntegerGraph, aliases: ReadonlyMap<TensorId, TensorId>): number {
  const roots = (ids: readonly TensorId[]) => [...new Set(ids.map((id) => aliases.get(id) ?? id))].filter((id) => !integerTensor(graph, id).constant);
  const works = graph.nodes.filter((n) => !isAlias(n)).map((n) => ({ reads: roots(n.inputs), writes: roots(n.outputs) }));
  return largestLiveSet([...lifetimesOf(graph, works, aliases, false).values()]);
}

/** Most bytes that are alive at one step, nothing shared. */
export function largestLiveSet(items: readonly Lifetime[]): number {
  let largest = 0;
  for (const { first: step } of items) {
    const alive = items.reduce((sum, item) => sum + (item.first <= step && step <= item.last ? item.bytes : 0), 0);
    largest = Math.max(largest, alive);
  }
  return largest;
}

/** Pairs of roots that may share memory although both live at a step: the kernel allows it and the input dies there. */
export function sharingsOf(steps: readonly Step[], lifetimes: ReadonlyMap<TensorId, Lifetime>, aliases: ReadonlyMap<TensorId, TensorId>): readonly Sharing[] {
  const root = (id: TensorId) => aliases.get(id) ?? id;
  const sharings: Sharing[] = [];
  for (const step of steps) {
    if (step.writes.length !== 1) continue;
    const output = step.writes[0]!;
    const names = step.kernel.arguments.flatMap((a) => (a.kind === 'input' ? [a.tensor] : []));
    const offer = (name: TensorId | undefined, distance: number | null) => {
      if (name === undefined) return;
      const input = root(name);
      const life = lifetimes.get(input);
      // The same memory read by a second argument would be overwritten in another order.
      const readOtherwise = names.filter((other) => root(other) === input).length > (distance === null ? names.filter((other) => other === name).length : 1);
      if (!life || readOtherwise || life.last !== step.index || input === output) return;
      if (distance === null && life.bytes < lifetimes.get(output)!.bytes) return;
      sharings.push({ output, input, distance });
    };
    for (const index of step.kernel.inPlace ?? []) offer(step.nodes[0]!.inputs[index], null);
    for (const { input, distanceBytes } of step.kernel.overlap ?? []) offer(names[input], distanceBytes);
  }
  return sharings;
}
