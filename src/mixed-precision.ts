/** `--bits auto`: sensitivities, costs measured on the target, the integer program, and a look at whether the chosen network keeps the budget. */
import { dirname, join, resolve } from 'node:path';
import type { CalibrationTable, SampleSet } from './calibration/index.js';
import { CalibrationError, UsageError } from './errors.js';
import type { FloatGraph } from './graph/float.js';
import type { IntegerGraph } from './graph/integer.js';
import { arenaBytesOf, networkCosts, type CostRequest, type NetworkCosts } from './mixed-costs.js';
import type { QuantizationPlan } from './operators/lower.js';
import { checkoutsOf, scheduleOptionsOf, type RoadOptions } from './options.js';
import { planQuantization, requireMethod, type QuantizationOptions } from './quantization/index.js';
import { allocate, type Allocation, allWidths, type AllocationProblem, blockSensitivities, type Block, type BlockSensitivity, type Budget, isAuto, layerWidthsOf, limitOf, mixedBlocks, nearestWidth, paretoFront, parseBudgets, type Resource, type WidthChoice } from './quantization/mixed/index.js';
import { mixedReport } from './mixed-report.js';
import type { ReportMixedPrecision } from './report/mixed-precision.js';
import { ResultCache } from './result-cache.js';
import { findTarget } from './targets/index.js';
import { requireTools } from './toolchains/index.js';
import { toolVersion } from './version.js';

export interface MixedRequest {
  readonly float: FloatGraph;
  readonly calibration: CalibrationTable | null;
  readonly samples: SampleSet | null;
  readonly options: RoadOptions;
  readonly quantization: QuantizationOptions;
  /** Quantized layers get corrected biases in the end. */
  readonly corrected: boolean;
  /** As the road lowers a plan. */
  readonly lower: (plan: QuantizationPlan) => IntegerGraph;
  readonly note: (text: string) => void;
}

export interface ChosenWidths {
  /** For WidthOptions.layers. */
  readonly layers: Readonly<Record<string, string>>;
  readonly report: ReportMixedPrecision;
}

/** What the options ask for; null without `--bits auto`. UsageError where they do not fit together. */
export function wantedBudgets(options: RoadOptions): readonly Budget[] | null {
  if (!isAuto(options.bits)) {
    if (options.budget !== undefined) throw new UsageError(`--budget ${options.budget} needs --bits auto`, { hint: 'with --bits auto the widths of the layers are chosen within the budget' });
    return null;
  }
  if (options.budget === undefined) throw new UsageError(`--bits ${options.bits} needs a budget`, { hint: 'for instance --budget size=60%' });
  if (options.targets.length === 0) throw new UsageError(`--bits ${options.bits} needs a target to measure the layers on`, { hint: 'add --target cortex-m7' });
  if (options.model.endsWith('.ptq.json')) throw new UsageError(`--bits ${options.bits}: the widths of ${options.model} are chosen already`, { hint: 'give the float model' });
  if (options.arith === 'shift') throw new UsageError(`--bits ${options.bits} does not go with --arith shift`, { hint: 'there the powers of two a weight (--terms) are what costs' });
  return parseBudgets(options.budget);
}

/** Where more targets are asked for, the first one is measured. */
export async function chooseWidths(budgets: readonly Budget[], request: MixedRequest): Promise<ChosenWidths> {
  const { float, options, quantization, samples, calibration } = request;
  if (float.quantized) throw new UsageError(`--bits ${options.bits}: '${float.name}' is quantized already`, { hint: 'give the float model' });
  if (!samples || !calibration) throw new CalibrationError(`--bits ${options.bits} measures layers on calibration samples`, { hint: 'give them with --calib' });
  const { layers = {}, edgeBits } = quantization.widths ?? {};
  const blocks = mixedBlocks(float, { both: options.bits === 'auto-both', arith: quantization.arith ?? 'dyadic', layers, ...(edgeBits !== undefined && { edgeBits }) });
  const costs = await costRequest(float, options);
  const plans = new Map(allWidths(blocks).map((bits) => [bits, planOf(blocks, blocks.map((block) => nearestWidth(block, bits)), request)]));
  const measured = new Map<number, NetworkCosts>();
  for (const [bits, plan] of plans) {
    request.note(`cost of ${bits} bits on ${costs.target.id}`);
    measured.set(bits, await networkCosts(request.lower(plan), costs));
  }
  const sensitivities = await cachedSensitivities(blocks, plans, { ...request, samples, calibration }, costs.cache);
  const ram = ramOf(blocks, plans, measured, request, costs);
  const problem = problemOf(blocks, sensitivities, measured, ram, options.sensitivity);
  return decide({ blocks, budgets, sensitivities, measured, problem, costs, request });
}

async function costRequest(float: FloatGraph, options: RoadOptions): Promise<CostRequest> {
  const target = findTarget(options.targets[0]!);
  const build = options.build && options.run && target.runner.kind === 'qemu';
  if (build) requireTools(target);
  const folder = options.out === undefined ? resolve('build') : dirname(resolve(options.out));
  const stem = join(folder, float.name.replace(/[^\w.-]+/g, '-'));
  return { target, build, schedule: scheduleOptionsOf(options), checkouts: checkoutsOf(options), directory: `${stem}-${target.id}-costs`, cache: await ResultCache.open(`${stem}-mixed.json`) };
}

function planOf(blocks: readonly Block[], bits: readonly number[], { float, calibration, quantization }: MixedRequest): QuantizationPlan {
  return planQuantization(float, calibration, { ...quantization, widths: { ...quantization.widths, layers: withGiven(quantization, blocks, bits) } });
}

/** The user's own words about layers, products of two activations among them, and the widths of the others. */
function withGiven({ widths }: QuantizationOptions, blocks: readonly Block[], bits: readonly number[]): Readonly<Record<string, string>> {
  return { ...widths?.layers, ...layerWidthsOf(blocks, bits) };
}

type Measurable = MixedRequest & { readonly samples: SampleSet; readonly calibration: CalibrationTable };

/** Maps do not survive JSON. */
interface StoredSensitivity {
  readonly traces: readonly number[];
  readonly measured: readonly (readonly [number, number])[];
  readonly hessian: readonly (readonly [number, number])[];
}

async function cachedSensitivities(blocks: readonly Block[], plans: ReadonlyMap<number, QuantizationPlan>, request: Measurable, cache: ResultCache): Promise<readonly BlockSensitivity[]> {
  const { float: graph, samples, calibration, options, quantization, corrected, note } = request;
  const kind = options.metric === 'top1' ? 'prediction' : 'error';
  const given = { model: graph.source.sha256, equalize: options.equalize, migrated: options.migrateOutliers ?? requireMethod(options.method).migratesOutliers, samples: samples.sha256, count: samples.count, observer: calibration.observer, arith: quantization.arith, bits: options.bits, widths: quantization.widths, corrected, kind, seed: options.seed };
  const stored = await cache.get(['sensitivities', toolVersion(), JSON.stringify(given)], async () => {
    const found = await blockSensitivities(blocks, { graph, samples, kind, plans, corrected, seed: options.seed, note });
    return found.map(({ traces, measured, hessian }): StoredSensitivity => ({ traces, measured: [...measured], hessian: [...hessian] }));
  });
  return stored.map(({ traces, measured, hessian }) => ({ traces, measured: new Map(measured), hessian: new Map(hessian) }));
}

/**
 * Arena of the network in which this block alone has this width, the least one elsewhere: what the block itself asks for. The same
 * for all where no uniform width changes it. Activations of 3 and 4 bits lie alike in the arena, and those of 5 to 8.
 */
function ramOf(blocks: readonly Block[], plans: ReadonlyMap<number, QuantizationPlan>, measured: ReadonlyMap<number, NetworkCosts>, request: MixedRequest, costs: CostRequest): (block: number, bits: number) => number {
  const arenas = [...measured.values()].map(({ arenaBytes }) => arenaBytes);
  if (new Set(arenas).size <= 1) return () => arenas[0] ?? 0;
  const narrowest = [...plans.keys()][0]!;
  const known = new Map<string, number>();
  return (block, bits) => {
    const widths = blocks.map((other, i) => nearestWidth(other, i === block ? laneWidth(bits) : narrowest));
    const key = widths.join();
    if (!known.has(key)) known.set(key, arenaBytesOf(request.lower(planOf(blocks, widths, request)), costs));
    return known.get(key)!;
  };
}

/** The widest of the widths that take as many bytes in the arena. */
function laneWidth(bits: number): number {
  return [2, 4, 8].find((lane) => bits <= lane) ?? bits;
}

function problemOf(blocks: readonly Block[], sensitivities: readonly BlockSensitivity[], measured: ReadonlyMap<number, NetworkCosts>, ram: (block: number, bits: number) => number, kind: RoadOptions['sensitivity']): Omit<AllocationProblem, 'limits'> {
  const choice = (block: Block, i: number, bits: number): WidthChoice => {
    const { weightBytes, instructions } = measured.get(bits)!;
    const sum = (values: ReadonlyMap<string, number> | null) => block.layers.reduce((total, { node }) => total + (values?.get(node.id) ?? 0), 0);
    return { bits, sensitivity: atLeastWider(sensitivities[i]![kind], bits), costs: { size: sum(weightBytes), instructions: sum(instructions), ram: ram(i, bits) } };
  };
  const widest = [...measured.values()].at(-1);
  return {
    blocks: blocks.map((block, i) => ({ choices: block.widths.map((bits) => choice(block, i, bits)) })),
    fixed: { size: 0, ram: 0, instructions: widest?.otherInstructions ?? 0 },
  };
}

/** Where a wider width happens to measure worse, the narrower one counts as no better: luck of one layer's rounding carries no weight. */
function atLeastWider(sensitivity: BlockSensitivity['measured'], bits: number): number {
  return Math.max(...[...sensitivity].filter(([width]) => width >= bits).map(([, value]) => value));
}

export interface Decision {
  readonly blocks: readonly Block[];
  readonly budgets: readonly Budget[];
  readonly sensitivities: readonly BlockSensitivity[];
  readonly measured: ReadonlyMap<number, NetworkCosts>;
  readonly problem: Omit<AllocationProblem, 'limits'>;
  readonly costs: CostRequest;
  readonly request: MixedRequest;
}

/** Instructions of steps add up but for a few (alignment, merged code): how often the limit is lowered by what was missed. */
const MOST_CORRECTIONS = 3;

async function decide(decision: Decision): Promise<ChosenWidths> {
  const { blocks, problem, costs, request } = decision;
  const limits = limitsOf(decision);
  let within = limits;
  for (let round = 0; ; round++) {
    const allocation = await allocate({ ...problem, limits: within });
    const plan = planOf(blocks, allocation.bits, request);
    request.note(`cost of the chosen widths on ${costs.target.id}`);
    const actual = totalOf(await networkCosts(request.lower(plan), costs));
    const over = (Object.keys(limits) as Resource[]).filter((resource) => actual[resource] !== null && actual[resource]! > limits[resource]!);
    if (over.length > 0 && round < MOST_CORRECTIONS) {
      within = { ...within, ...Object.fromEntries(over.map((resource) => [resource, within[resource]! - (actual[resource]! - limits[resource]!)])), ...(over.includes('ram') && { ram: lowerRam(problem, allocation, within.ram!, limits.ram! / actual.ram) }) };
      continue;
    }
    const swept = decision.budgets[0]!.resource;
    const pareto = await paretoFront({ ...problem, limits: within }, swept);
    return { layers: withGiven(request.quantization, blocks, allocation.bits), report: mixedReport(decision, { allocation, actual, limits, swept, pareto }) };
  }
}

/**
 * Blocks together may ask for more than each of them alone, which no sum foretells: the limit shrinks by the share that was missed,
 * so that something changes, and not below what the least widths ask for.
 */
function lowerRam({ blocks }: Decision['problem'], { costs }: Allocation, limit: number, share: number): number {
  const least = Math.max(...blocks.map(({ choices }) => Math.min(...choices.map((choice) => choice.costs.ram))));
  return Math.max(least, Math.min(costs.ram - 1, Math.floor(limit * share)));
}

function limitsOf({ budgets, measured, costs }: Decision): AllocationProblem['limits'] {
  const wide = totalOf([...measured.values()].at(-1)!);
  const uncounted = budgets.find(({ resource }) => wide[resource] === null);
  if (uncounted) throw new UsageError(`--budget ${uncounted.resource}=… cannot be kept on ${costs.target.id}: nothing counts them there`, { hint: 'take a target that runs on an emulator, without --no-build and --no-run; or a budget of size or ram' });
  return Object.fromEntries(budgets.map((budget) => [budget.resource, limitOf(budget, wide as Record<Resource, number>)]));
}

export interface ActualCosts {
  readonly size: number;
  readonly ram: number;
  readonly instructions: number | null;
}

function totalOf({ weightBytes, instructions, otherInstructions, arenaBytes }: NetworkCosts): ActualCosts {
  const sum = (values: ReadonlyMap<string, number>) => [...values.values()].reduce((total, value) => total + value, 0);
  return { size: sum(weightBytes), ram: arenaBytes, instructions: instructions && sum(instructions) + otherInstructions };
}
