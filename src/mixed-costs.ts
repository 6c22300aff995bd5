/** What a quantized network costs layer by layer on a target: bytes from the kernels' own arguments, instructions counted on the emulator. */
import { rm } from 'node:fs/promises';
import { emitProject, type GeneratedProject, writeProject } from './emit/index.js';
import { elementCount } from './graph/float.js';
import { integerTensor, type IntegerGraph, type IntegerNode } from './graph/integer.js';
import type { KernelInstance } from './operators/kernel.js';
import { nodeMacs } from './report/build.js';
import type { ResultCache } from './result-cache.js';
import { buildSchedule, type Schedule, type ScheduleOptions, type Step } from './schedule/index.js';
import type { Target } from './targets/index.js';
import { buildProject, type Checkouts, discoverTools, compilerOf, runBuild } from './toolchains/index.js';
import { chooseVectors, toVectors } from './verify/index.js';

export interface CostRequest {
  readonly target: Target;
  readonly schedule: ScheduleOptions;
  readonly checkouts: Checkouts;
  /** Folder of the projects that are built to be measured; removed afterwards. */
  readonly directory: string;
  readonly cache: ResultCache;
  /** False: nothing is built, instructions stay unknown. */
  readonly build: boolean;
}

export interface NetworkCosts {
  /** Node id → bytes of its weights in flash, without biases and requantization. */
  readonly weightBytes: ReadonlyMap<string, number>;
  /** Node id → instructions of its step; null where nothing counts them (host) or steps cannot be told apart. */
  readonly instructions: ReadonlyMap<string, number> | null;
  /** Of the steps without weights. */
  readonly otherInstructions: number;
  readonly arenaBytes: number;
}

export async function networkCosts(graph: IntegerGraph, request: CostRequest): Promise<NetworkCosts> {
  const schedule = buildSchedule(graph, request.target, request.schedule);
  const steps = request.build && request.target.runner.kind === 'qemu' ? await countedSteps(schedule, request) : null;
  const weightBytes = weightBytesOf(schedule);
  const base = { weightBytes, arenaBytes: schedule.arena.bytes };
  if (!steps) return { ...base, instructions: null, otherInstructions: 0 };
  const instructions = new Map<string, number>();
  let otherInstructions = 0;
  schedule.steps.forEach((step, i) => {
    const shares = weightedShares(step, graph, (node) => nodeMacs(node, graph));
    if (shares.length === 0) otherInstructions += steps[i]!;
    for (const [id, share] of shares) instructions.set(id, steps[i]! * share);
  });
  return { ...base, instructions, otherInstructions };
}

/** Arena alone: nothing is built. */
export function arenaBytesOf(graph: IntegerGraph, { target, schedule }: CostRequest): number {
  return buildSchedule(graph, target, schedule).arena.bytes;
}

function hasWeights(node: IntegerNode, graph: IntegerGraph): boolean {
  const weights = node.inputs[1];
  return weights !== undefined && integerTensor(graph, weights).constant !== undefined && nodeMacs(node, graph) > 0;
}

/** A step that computes several layers with weights is shared out among them. */
function weightedShares(step: Step, graph: IntegerGraph, weigh: (node: IntegerNode) => number): readonly (readonly [string, number])[] {
  const nodes = step.nodes.filter((node) => hasWeights(node, graph));
  const total = nodes.reduce((sum, node) => sum + weigh(node), 0);
  return nodes.map((node) => [node.id, weigh(node) / total] as const);
}

/** What the constants take beyond those of an int8 layout, in which every weight is a byte. */
function weightBytesOf(schedule: Schedule): ReadonlyMap<string, number> {
  const { graph, target, options } = schedule;
  const plain = constantsByNode(buildSchedule(graph, target, { ...options, weights: 'int8', winograd: false, flashBudget: null }));
  const own = constantsByNode(schedule);
  return new Map(graph.nodes.filter((node) => hasWeights(node, graph)).map((node) => [node.id, weightCount(node, graph) + own.get(node.id)! - plain.get(node.id)!]));
}

function weightCount(node: IntegerNode, graph: IntegerGraph): number {
  return elementCount(integerTensor(graph, node.inputs[1]!).shape);
}

function constantsByNode({ steps, graph }: Schedule): ReadonlyMap<string, number> {
  const bytes = new Map<string, number>();
  for (const step of steps) {
    for (const stage of step.strips?.stages ?? []) bytes.set(stage.node.id, constantBytes(stage.kernel));
    if (step.strips) continue;
    for (const [id, share] of weightedShares(step, graph, (node) => weightCount(node, graph))) bytes.set(id, constantBytes(step.kernel) * share);
  }
  return bytes;
}

function constantBytes(kernel: KernelInstance): number {
  return kernel.arguments.reduce((sum, argument) => sum + (argument.kind === 'constant' ? argument.data.byteLength : 0), 0);
}

/** Instructions of every step; projects that differ in their constants alone take the same. */
async function countedSteps(schedule: Schedule, request: CostRequest): Promise<readonly number[] | null> {
  const project = emitProject(schedule, { commandLine: 'ptq-gen' });
  const tools = await discoverTools();
  const compiler = tools.find(({ command }) => command === compilerOf(request.target))?.version ?? '';
  const key = ['instructions', request.target.id, compiler, ...codeOf(project)];
  const { steps } = await request.cache.get(key, async () => ({ steps: await count(project, schedule, request) }));
  return steps;
}

/** Sources without the weights, and without their first comment, which names the graph's digest. */
function codeOf({ files, modelName }: GeneratedProject): readonly string[] {
  return [`${modelName}.c`, 'ptq_arith.h'].map((path) => String(files.get(path)).replace(/^\/\*[\s\S]*?\*\//, ''));
}

async function count(project: GeneratedProject, schedule: Schedule, { directory, target, checkouts }: CostRequest): Promise<readonly number[] | null> {
  await writeProject(project, directory);
  try {
    const build = await buildProject(directory, target, 'release', project.manifest, { checkouts });
    // Made up: the fourth is random.
    const [vector] = chooseVectors(schedule.graph, 4, null, 0).slice(3);
    const { counts } = await runBuild(build, toVectors([vector!.inputs]), { count: true });
    return counts?.runs[0]?.steps ?? null;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
