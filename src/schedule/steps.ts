/** Which kernel computes which nodes: groups as the kernels offer them, a group of one being the normal case. */
import { UnsupportedOperatorError, type UnsupportedNode, UsageError } from '../errors.js';
import type { IntegerGraph, IntegerNode, TensorId } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { cudaKernels } from '../operators/cuda/index.js';
import { operator } from '../operators/index.js';
import { isMultiplicationFree } from '../operators/shift/free.js';
import type { Kernel, KernelContext, KernelInstance } from '../operators/kernel.js';
import { familiesOnRequest } from '../targets/families.js';
import type { Target } from '../targets/target.js';
import { tensorBytes } from './lifetimes.js';
import type { ScheduleOptions, Step, WeightLayout } from './schedule.js';

export interface StepList {
  readonly steps: readonly Step[];
  /** Tensors inside groups, which never exist whole. */
  readonly unobserved: readonly TensorId[];
}

/** Kernels of an operator, best first. */
export type KernelsOf = (op: string) => readonly Kernel[];

const registered: KernelsOf = (op) => {
  const kernels = operator(op).integer?.kernels ?? [];
  return [...cudaKernels(op, kernels), ...kernels];
};

/** Without the kernels that compute several nodes at once. */
export const singleLayers: KernelsOf = (op) => registered(op).filter(({ nodes = 1 }) => nodes === 1);

/** Throws UnsupportedOperatorError naming every node that no kernel of the target takes. */
export function buildSteps(graph: IntegerGraph, target: Target, options: ScheduleOptions, aliases: ReadonlyMap<TensorId, TensorId>, kernelsOf: KernelsOf = registered): StepList {
  const search = searchOf(graph, target, options, aliases, kernelsOf);
  const { nodes, families } = search;
  const steps: Step[] = [];
  const unobserved: TensorId[] = [];
  const unsupported: UnsupportedNode[] = [];
  for (let i = 0; i < nodes.length; ) {
    const found = firstMatch(search, i);
    if (!found) {
      unsupported.push({ origin: nodes[i]!.origin, reason: `no kernel of '${nodes[i]!.op}' fits ${target.id} (families ${families.join(', ')})` });
      i++;
      continue;
    }
    steps.push(stepOf(graph, steps.length, found.group, found.kernel, aliases));
    unobserved.push(...innerTensors(found.group));
    i += found.group.length;
  }
  if (unsupported.length > 0) throw new UnsupportedOperatorError(unsupported, 'generate');
  return { steps, unobserved };
}

/** What the choice of kernels needs to know; nodes that are aliases have none. */
export function searchOf(graph: IntegerGraph, target: Target, options: ScheduleOptions, aliases: ReadonlyMap<TensorId, TensorId>, kernelsOf: KernelsOf = registered): Search {
  const nodes = graph.nodes.filter((node) => !aliases.has(node.outputs[0]!));
  return { graph, nodes, families: familiesOf(graph, target, options), target, options, users: countUses(graph), kernelsOf };
}

export interface Match {
  readonly group: readonly IntegerNode[];
  readonly kernel: KernelInstance;
}

/** Portable kernels stand for what needs no multiplication in the first place. */
const WITHOUT_MULTIPLICATION: readonly string[] = ['shift', 'portable'];

/** The chosen family before portable; `auto` takes the target's own, in its order of preference. */
function familiesOf(graph: IntegerGraph, target: Target, options: ScheduleOptions): readonly string[] {
  if (graph.provenance.arith === 'shift') {
    if (options.kernels === 'auto') return target.features.manyThreads ? ['cuda', ...WITHOUT_MULTIPLICATION] : WITHOUT_MULTIPLICATION;
    throw new UsageError(`--kernels ${options.kernels} may multiply, which --arith shift excludes`, { hint: 'leave --kernels out' });
  }
  if (options.kernels === 'auto') return target.families;
  const known = [...target.families, ...familiesOnRequest(target)];
  if (!known.includes(options.kernels)) {
    throw new UsageError(`${target.id} has no kernel family '${options.kernels}'`, { hint: `use one of auto, ${known.join(', ')}` });
  }
  return [...new Set([options.kernels, 'portable'])];
}

export interface Search {
  readonly graph: IntegerGraph;
  readonly nodes: readonly IntegerNode[];
  readonly families: readonly string[];
  readonly target: Target;
  readonly options: ScheduleOptions;
  readonly users: ReadonlyMap<TensorId, number>;
  readonly kernelsOf: KernelsOf;
}

/** Families in their order of preference; within one, the kernels of the operator, best first. */
export function firstMatch(search: Search, at: number): Match | null {
  const { value } = matches(search, at).next();
  return value ?? null;
}

/** Every kernel that fits, best first. */
export function* matches({ graph, nodes, families, target, options, users, kernelsOf }: Search, at: number): Generator<Match, undefined> {
  const kernels = kernelsOf(nodes[at]!.op);
  const mixed = isMixed(options.layouts);
  for (const family of families) {
    for (const kernel of kernels) {
      if (kernel.family !== family) continue;
      if (graph.provenance.arith === 'shift' && family === 'portable' && !isMultiplicationFree(nodes[at]!, graph)) continue;
      const group = groupAt(nodes, at, kernel, users);
      if (!group) continue;
      const { weights, winograd, form }: WeightLayout = options.layouts?.get(group[0]!.id) ?? options;
      const context: KernelContext = { graph, group, features: target.features, optimize: options.optimize, shareCode: options.optimize === 'flash' || mixed, weights, winograd, ...(form && { form }) };
      if (kernel.when(context)) yield { group, kernel: sharedMemory(kernel.instantiate(context), context) };
    }
  }
  return undefined;
}

/** Threads of other samples and elements run at the same time: no output reaches into an input unless element lies on element. */
function sharedMemory(kernel: KernelInstance, { graph, group, features }: KernelContext): KernelInstance {
  if (!features.manyThreads) return kernel;
  const outputBytes = tensorBytes(graph, group.at(-1)!.outputs[0]!);
  const inPlace = (kernel.inPlace ?? []).filter((index) => tensorBytes(graph, group[0]!.inputs[index]!) === outputBytes);
  return { ...kernel, inPlace, overlap: [] };
}

/** Layers differ in the layout of their weights, so that each kind needs code of its own. */
function isMixed(layouts: ScheduleOptions['layouts']): boolean {
  return new Set([...(layouts?.values() ?? [])].map(({ weights, winograd }) => `${weights} ${winograd}`)).size > 1;
}

/** Consecutive nodes whose inner tensors nobody else reads. */
function groupAt(nodes: readonly IntegerNode[], at: number, kernel: Kernel, users: ReadonlyMap<TensorId, number>): readonly IntegerNode[] | null {
  const size = kernel.nodes ?? 1;
  if (at + size > nodes.length) return null;
  const group = nodes.slice(at, at + size);
  return isClosed(group, users) ? group : null;
}

/** Nobody else reads what the group computes, apart from its last node's outputs. */
export function isClosed(group: readonly IntegerNode[], users: ReadonlyMap<TensorId, number>): boolean {
  const readInside = (id: TensorId) => group.reduce((n, node) => n + node.inputs.filter((i) => i === id).length, 0);
  return innerTensors(group).every((id) => users.get(id) === readInside(id));
}

export function innerTensors(group: readonly IntegerNode[]): readonly TensorId[] {
  return group.slice(0, -1).flatMap((node) => node.outputs);
}

/** Readers of every tensor, the world outside counting as one. */
function countUses(graph: IntegerGraph): ReadonlyMap<TensorId, number> {
  const uses = new Map<TensorId, number>();
  const count = (id: TensorId) => uses.set(id, (uses.get(id) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(count);
  for (const port of graph.outputs) count(port.tensor);
  for (const state of graph.states) count(state.write);
  return uses;
}

export function stepOf(graph: IntegerGraph, index: number, nodes: readonly IntegerNode[], kernel: KernelInstance, aliases: ReadonlyMap<TensorId, TensorId>): Step {
  const roots = (kind: 'input' | 'output') => {
    const ids = kernel.arguments.flatMap((a) => (a.kind === kind ? [aliases.get(a.tensor) ?? a.tensor] : []));
    return [...new Set(ids)].filter((id) => !integerTensor(graph, id).constant);
  };
  return { index, nodes, kernel, reads: roots('input'), writes: roots('output'), scratchBytes: kernel.scratchBytes };
}
