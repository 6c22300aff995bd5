/** Straight-line sums of one layer: plain, or with shared pairs where the count of instructions says so. */
import type { Codes } from '../../../graph/integer.js';
import type { Core } from './core.js';
import { type Program, programOf } from './program.js';
import { planSegments, type Segment } from './rows.js';
import { adderGraphs, pairRows } from './shared-pairs.js';

export interface StraightSums {
  readonly program: Program;
  /** Words of shared pairs behind the gathered ones, before the sums. */
  readonly pairs: number;
  /** Exponents of the segments, in the order of the sums: [segments][outputs]. */
  readonly exponents: readonly number[];
}

/** The shared form is null where no pair pays, or the layer is too large for the search. */
export interface StraightForms {
  readonly unrolled: StraightSums;
  readonly shared: StraightSums | null;
}

const known = new WeakMap<Codes, Map<string, StraightForms>>();

/** Weights [outputs, columns]. Found once for each array of weights, core and room. */
export function straightForms(weights: Codes, outputs: number, room: number, core: Core): StraightForms {
  const forms = known.get(weights) ?? new Map<string, StraightForms>();
  known.set(weights, forms);
  const key = `${outputs}:${room}:${core.name}`;
  const found = forms.get(key) ?? formsOf(weights, outputs, room, core);
  forms.set(key, found);
  return found;
}

function formsOf(weights: Codes, outputs: number, room: number, core: Core): StraightForms {
  const segments = planSegments(weights, outputs, room, core);
  const unrolled = { ...sumsOf([], segments, core), pairs: 0 };
  const columns = weights.length / outputs;
  let best: StraightSums = unrolled;
  for (const graph of adderGraphs(segments, columns)) {
    const { groups, segments: rest } = pairRows(graph, columns);
    const shared = { ...sumsOf(groups, rest, core), pairs: graph.pairs.length };
    if (shared.program.instructions < best.program.instructions) best = shared;
  }
  return { unrolled, shared: best === unrolled ? null : best };
}

function sumsOf(groups: Parameters<typeof programOf>[0], segments: readonly Segment[], core: Core): Omit<StraightSums, 'pairs'> {
  return { program: programOf([...groups, ...segments.map(({ rows }) => rows)], core), exponents: segments.map(({ exponent }) => exponent) };
}
