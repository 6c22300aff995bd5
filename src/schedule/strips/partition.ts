/** The least memory: which neighbours to compute strip by strip, so that the largest step takes as little as possible. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode, TensorId } from '../../graph/integer.js';
import { operator } from '../../operators/index.js';
import type { KernelInstance } from '../../operators/kernel.js';
import type { Target } from '../../targets/target.js';
import { arenaBytes, lifetimesOf, type Lifetime } from '../lifetimes.js';
import { arenaAlignment, planMemory } from '../memory.js';
import { lowerBound } from '../lower-bound.js';
import type { Effort } from '../placement.js';
import type { ScheduleOptions, Step } from '../schedule.js';
import { buildSteps, firstMatch, innerTensors, isClosed, type Match, matches, type Search, searchOf, stepOf, type StepList } from '../steps.js';
import { packedTensors } from './packed-rows.js';
import { NOTHING_PACKED, Packing, type Way } from './packing.js';
import { type ChooseKernel, planStrips, stripOverhead } from './plan.js';
import { stripKernel } from './step.js';

/** Nodes that may run together, and rows of the last one that a pass may compute. */
const LONGEST_GROUP = 12;
const ROWS = [1, 2, 4] as const;
/** Limits of a step's memory that are tried, from the least to the largest that is of use. */
const LIMITS = 24;
/** Strips and lean kernels cost instructions: they must save at least this share of the arena, or this share of what they add to the work. */
const LEAST_SAVING = 0.05;
const SAVING_OF_WORK = 0.25;

/** What the lean form of a kernel costs, as a share of what the next better kernel saves. */
const LEAN_SHARE = 0.1;

/** One way to compute the nodes [from, to), with the states (packing.ts) between which it leads. */
interface Choice {
  readonly from: number;
  readonly to: number;
  readonly enter: string;
  readonly leave: string;
  readonly step: Step;
  readonly bytes: number;
  readonly overhead: number;
}

/**
 * The steps whose arena is smallest, among these those that cost the fewest instructions; with a budget the cheapest ones
 * whose arena keeps it.
 */
export function buildLeanSteps(graph: IntegerGraph, target: Target, options: ScheduleOptions, aliases: ReadonlyMap<TensorId, TensorId>): StepList {
  const plain = buildSteps(graph, target, options, aliases);
  const arenaOf = (steps: readonly Step[], effort: Effort) => planMemory(graph, target, steps, aliases, options.keepInput, effort);
  const search = searchOf(graph, target, options, aliases);
  const choices = choicesOf(search, aliases, plain);
  const work = search.nodes.reduce((sum, node) => sum + slowerBy([node], graph), 1);
  const among = (some: readonly Choice[]) => leanest(some, { nodes: search.nodes.length, work, budget: options.ramBudget ?? 0, arenaOf });
  const inBytes = choices.filter(({ enter, leave, step }) => enter === NOTHING_PACKED && leave === NOTHING_PACKED && (step.strips?.packed.size ?? 0) === 0);
  const best = inBytes.length < choices.length ? smaller(among(choices), among(inBytes)) : among(choices);
  return { steps: best.steps, unobserved: [...best.steps.flatMap((s) => innerTensors(s.nodes)), ...packedTensors(best.steps).keys()] };
}

interface Lean {
  readonly steps: readonly Step[];
  readonly bytes: number;
  readonly overhead: number;
}

interface LeanSearch {
  readonly nodes: number;
  /** Of all nodes, in the measure of overheads. */
  readonly work: number;
  readonly budget: number;
  readonly arenaOf: (steps: readonly Step[], effort: Effort) => { readonly bytes: number; readonly lowerBoundBytes: number };
}

/** Less and less memory a step, as long as the arena is worth it. */
function leanest(choices: readonly Choice[], { nodes, work, budget, arenaOf }: LeanSearch): Lean {
  let best: Lean | null = null;
  let last: readonly Choice[] = [];
  for (const limit of limitsFrom(choices, leastLimit(choices, nodes), budget)) {
    const { path, overhead } = cheapest(choices, nodes, limit);
    // A lower limit often changes nothing: what was placed once is not placed again.
    if (path.length === last.length && path.every((choice, i) => choice === last[i])) continue;
    last = path;
    const steps = path.map(({ step }, index) => ({ ...step, index }));
    const wanted: number = best ? Math.max(best.bytes * Math.max(0, 1 - savingFor(overhead - best.overhead, work)), budget) : Infinity;
    const quick = arenaOf(steps, 'quick');
    const bytes = quick.bytes <= wanted || quick.lowerBoundBytes > wanted ? quick.bytes : arenaOf(steps, 'thorough').bytes;
    if (bytes <= wanted) best = { steps, bytes, overhead };
    if (bytes <= budget) break;
  }
  return best!;
}

const savingFor = (overhead: number, work: number): number => Math.max(LEAST_SAVING, (SAVING_OF_WORK * overhead) / work);

/** Limits are a sample and savings have thresholds, so that more choices may end with more memory. */
function smaller(packed: Lean, inBytes: Lean): Lean {
  return packed.bytes < inBytes.bytes ? packed : inBytes;
}

/** Some of the limits that change the choice, largest first, the least one and the budget among them. */
function limitsFrom(choices: readonly Choice[], least: number, budget: number): readonly number[] {
  const all = [...new Set([budget, ...choices.map((c) => c.bytes)])].filter((bytes) => bytes >= least).sort((a, b) => b - a);
  const step = Math.max(1, Math.ceil(all.length / LIMITS));
  return all.filter((bytes, i) => i === 0 || bytes === budget || (all.length - 1 - i) % step === 0);
}

/** Single steps as the kernels offer them, and every group that saves memory against the plain schedule's peak. */
function choicesOf(search: Search, aliases: ReadonlyMap<TensorId, TensorId>, plain: StepList): readonly Choice[] {
  const { graph, nodes, target, users } = search;
  const memory = new StepMemory(search, aliases);
  const choices: Choice[] = [];
  for (const [from] of nodes.entries()) {
    for (const { group, kernel, overhead } of singleKernels(search, from)) {
      const step = stepOf(graph, 0, group, kernel, aliases);
      const ways = memory.ways(from, from + group.length).filter((way) => !touches(group, way));
      choices.push(...ways.map((way) => memory.choice(from, step, overhead, way)));
    }
  }
  const peak = Math.max(...plain.steps.map((s) => choices.find((c) => c.step.nodes[0] === s.nodes[0])?.bytes ?? 0));
  const chooseKernel = rememberKernels(search);
  const involved = new Set([...aliases.keys(), ...aliases.values()]);
  for (const [from] of nodes.entries()) {
    for (let to = from + 1; to <= Math.min(nodes.length, from + LONGEST_GROUP); to++) {
      const group = nodes.slice(from, to);
      if (group.some((n) => n.outputs.length !== 1 || [...n.inputs, ...n.outputs].some((id) => involved.has(id)))) break;
      if (!isClosed(group, users)) continue;
      // A layer by itself gains nothing from strips but rows that enter or leave packed.
      const ways = memory.ways(from, to).filter((way) => group.length > 1 || touches(group, way));
      for (const [rows, way] of ROWS.flatMap((count) => ways.map((one) => [count, one] as const))) {
        const plan = planStrips({ graph, nodes: group, rows, alignment: arenaAlignment(target), mostBytes: peak, chooseKernel, packed: way.packed });
        if (!plan) continue;
        const step: Step = { ...stepOf(graph, 0, group, stripKernel(plan, group), aliases), strips: plan };
        const choice = memory.choice(from, step, stripOverhead(plan) + LEAN_SHARE * slowerBy(group, graph), way);
        if (choice.bytes < peak) choices.push(choice);
      }
    }
  }
  return choices;
}

/** Nodes read or write what lies packed. */
function touches(group: readonly IntegerNode[], { packed }: Way): boolean {
  return group.some((node) => [...node.inputs, ...node.outputs].some((id) => packed.has(id)));
}

/** Kernels in their fastest form, which may use memory that other steps need anyway, and in their leanest. */
function singleKernels(search: Search, from: number): readonly (Match & { readonly overhead: number })[] {
  const ranked = (optimize: ScheduleOptions['optimize'], start: number) =>
    [...matches({ ...search, options: { ...search.options, optimize } }, from)].map((match, rank) => ({ ...match, overhead: (start + rank) * slowerBy(match.group, search.graph) }));
  return [...ranked('ram', LEAN_SHARE), ...ranked('speed', 0).slice(0, 1)];
}

/** Roughly what a kernel costs beside the next better one, which may want more scratch. */
function slowerBy(group: readonly IntegerNode[], graph: IntegerGraph): number {
  return group.reduce((sum, node) => sum + 2 * (operator(node.op).integer?.macs?.(node, graph) ?? 0) + elementCount(graph.tensors.get(node.outputs[0]!)!.shape), 0);
}

/** Kernels on strips: the same node on the same number of rows is asked for again and again. */
function rememberKernels(search: Search): ChooseKernel {
  const known = new Map<string, KernelInstance | null>();
  return (graph, node) => {
    const key = `${node.id} ${graph.tensors.get(node.outputs[0]!)!.shape[0]}`;
    if (!known.has(key)) known.set(key, firstMatch({ ...search, graph, nodes: [node] }, 0)?.kernel ?? null);
    return known.get(key)!;
  };
}

/** Bytes that must be alive while a step runs, whatever the other steps are. */
class StepMemory {
  private readonly lifetimes: ReadonlyMap<TensorId, Lifetime>;
  private readonly packing: Packing;

  constructor(
    private readonly search: Search,
    private readonly aliases: ReadonlyMap<TensorId, TensorId>,
  ) {
    const { graph, nodes, options } = search;
    const roots = (ids: readonly TensorId[]) => [...new Set(ids.map((id) => aliases.get(id) ?? id))].filter((id) => !graph.tensors.get(id)!.constant);
    this.lifetimes = lifetimesOf(graph, nodes.map((n) => ({ reads: roots(n.inputs), writes: roots(n.outputs) })), aliases, options.keepInput);
    this.packing = new Packing(graph, nodes, this.lifetimes, new Set([...aliases.keys(), ...aliases.values()]));
  }

  /** What may lie packed while the nodes [from, to) run. */
  ways(from: number, to: number): readonly Way[] {
    return this.packing.ways(from, to);
  }

  choice(from: number, step: Step, overhead: number, { packed, enter, leave }: Way): Choice {
    const to = from + step.nodes.length;
    const inner = new Set(innerTensors(step.nodes));
    const alive = [...this.lifetimes].filter(([id, life]) => life.first < to && life.last >= from && !inner.has(id));
    const alignment = arenaAlignment(this.search.target);
    const round = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
    const buffers = alive.map(([id]) => ({ id, bytes: round(arenaBytes(this.search.graph, id, packed)), first: 0, last: 0 }));
    const dies = (id: TensorId) => (this.lifetimes.get(id)?.last ?? Infinity) < to;
    const inputs = step.kernel.arguments.flatMap((a) => (a.kind === 'input' ? [this.aliases.get(a.tensor) ?? a.tensor] : []));
    const sharings = [
      ...(step.kernel.overlap ?? []).map(({ input, distanceBytes }) => ({ input: inputs[input]!, distance: round(distanceBytes) })),
      ...(step.kernel.inPlace ?? []).map((index) => ({ input: step.nodes[0]!.inputs[index]!, distance: null })),
    ].filter(({ input }) => dies(input)).map((s) => ({ ...s, output: step.writes[0]! }));
    return { from, to, enter, leave, step, bytes: lowerBound({ buffers, sharings, alignment }) + round(step.scratchBytes), overhead };
  }
}

/** A state between two nodes, by which ways to reach it are compared. */
const stateKey = (node: number, packed: string) => `${node} ${packed}`;
const START = stateKey(0, NOTHING_PACKED);

/** Choices by the node behind their last one, which is an order in which states can be reached. */
function byEnd(choices: readonly Choice[]): readonly Choice[] {
  return [...choices].sort((a, b) => a.to - b.to);
}

/** The least m such that steps of at most m bytes compute everything. */
function leastLimit(choices: readonly Choice[], count: number): number {
  const best = new Map([[START, 0]]);
  for (const choice of byEnd(choices)) {
    const key = stateKey(choice.to, choice.leave);
    const bytes = Math.max(best.get(stateKey(choice.from, choice.enter)) ?? Infinity, choice.bytes);
    best.set(key, Math.min(best.get(key) ?? Infinity, bytes));
  }
  return best.get(stateKey(count, NOTHING_PACKED))!;
}

/** Choices of at most `limit` bytes a step, which must be enough, with the least overhead. */
function cheapest(choices: readonly Choice[], count: number, limit: number): { readonly path: readonly Choice[]; readonly overhead: number } {
  const best = new Map<string, { readonly overhead: number; readonly last: Choice | null }>([[START, { overhead: 0, last: null }]]);
  for (const choice of byEnd(choices)) {
    const key = stateKey(choice.to, choice.leave);
    const overhead = (best.get(stateKey(choice.from, choice.enter))?.overhead ?? Infinity) + choice.overhead;
    if (choice.bytes <= limit && overhead < (best.get(key)?.overhead ?? Infinity)) best.set(key, { overhead, last: choice });
  }
  const path: Choice[] = [];
  for (let { last } = best.get(stateKey(count, NOTHING_PACKED))!; last; { last } = best.get(stateKey(last.from, last.enter))!) path.unshift(last);
  return { path, overhead: best.get(stateKey(count, NOTHING_PACKED))!.overhead };
}
