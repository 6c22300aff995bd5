/**
 * Which tensors lie packed is decided together with the steps. Between two nodes the plan has a state: those of the tensors
 * alive there that lie packed. A step leads from a state to a state, so that the search over partitions finds both at once.
 */
import { type IntegerGraph, type IntegerNode, integerTensor, type TensorId } from '../../graph/integer.js';
import type { Lifetime } from '../lifetimes.js';
import { type PackedRows, packedRows } from './packed-rows.js';
import { rowRule } from './rows.js';

/** Packable tensors alive between two nodes, each of which doubles the states. */
const MOST_AT_ONCE = 3;

/** One choice for all packable tensors that are alive before, while or after nodes run. */
export interface Way {
  readonly packed: ReadonlyMap<TensorId, PackedRows>;
  /** States before and after. */
  readonly enter: string;
  readonly leave: string;
}

/** Where nothing lies packed: before the first node, which reads inputs, and behind the last one. */
export const NOTHING_PACKED = '';

export class Packing {
  private readonly tensors: readonly { readonly id: TensorId; readonly rows: PackedRows; readonly first: number; readonly last: number }[];

  /**
   * @param lifetimes over `nodes`.
   * @param fixed tensors whose memory others see: aliases and their roots.
   */
  constructor(graph: IntegerGraph, nodes: readonly IntegerNode[], lifetimes: ReadonlyMap<TensorId, Lifetime>, fixed: ReadonlySet<TensorId>) {
    const seen = new Set([...fixed, ...[...graph.inputs, ...graph.outputs].map((port) => port.tensor), ...graph.states.flatMap(({ read, write }) => [read, write])]);
    const inRows = new Map(nodes.map((node) => [node, rowRule(node, graph) !== null]));
    const candidates = [...lifetimes].flatMap(([id, { first, last }]) => {
      const rows = seen.has(id) ? null : packedRows(integerTensor(graph, id));
      const touching = nodes.filter((node) => node.inputs.includes(id) || node.outputs.includes(id));
      return rows && first >= 0 && last > first && touching.every((node) => inRows.get(node)) ? [{ id, rows, first, last }] : [];
    });
    const bySize = [...candidates].sort((a, b) => b.rows.height * b.rows.rowCodes - a.rows.height * a.rows.rowCodes || a.first - b.first);
    const kept: typeof candidates = [];
    for (const one of bySize) {
      const isCrowded = nodes.some((_, cut) => isAlive(one, cut) && kept.filter((other) => isAlive(other, cut)).length >= MOST_AT_ONCE);
      if (!isCrowded) kept.push(one);
    }
    this.tensors = candidates.filter((one) => kept.includes(one));
  }

  /** Every choice for the tensors around the nodes [from, to), of which others see only what the last one computes. The first: none. */
  ways(from: number, to: number): readonly Way[] {
    const around = this.tensors.filter((t) => isAlive(t, from) || isAlive(t, to));
    return Array.from({ length: 2 ** around.length }, (_, subset) => {
      const chosen = around.filter((_, i) => subset & (1 << i));
      const state = (cut: number) => chosen.filter((t) => isAlive(t, cut)).map((t) => t.id).join(' ');
      return { packed: new Map(chosen.map(({ id, rows }) => [id, rows])), enter: state(from), leave: state(to) };
    });
  }
}

/** Written before node `cut`, read by it or later. */
function isAlive({ first, last }: { readonly first: number; readonly last: number }, cut: number): boolean {
  return first < cut && last >= cut;
}
