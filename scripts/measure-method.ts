/** One method on one model: quantized, lowered, run in integers over the evaluation samples. */
import { agreement, calibrate, predictions, sqnrDb, type CalibrationTable, type Labels, type ObserverName, type SampleSet } from '../src/calibration/index.js';
import { fakeQuantValues, floatValues, integerValues, type ScoreOptions } from '../src/evaluation.js';
import type { FloatGraph } from '../src/graph/float.js';
import { verifyIntegerGraph } from '../src/graph/verify.js';
import { migrateOutliers } from '../src/migration.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { lowerGraph, parseBits, planQuantization, refinePlan, requireMethod, type LowerOptions } from '../src/quantization/index.js';

/** A classifier with its data. */
export interface Task {
  readonly float: FloatGraph;
  readonly calibration: SampleSet;
  readonly evaluation: SampleSet;
  readonly labels: Labels;
}

export interface MethodRun {
  readonly method: string;
  readonly bits: string;
  readonly observer: ObserverName;
  readonly biasCorrection: boolean;
  readonly seed: number;
  /** Of every unit; undefined: the method's own number. */
  readonly iterations: number | undefined;
  readonly functions?: LowerOptions['functions'];
  readonly note: (text: string) => void;
}

export interface MethodCell {
  /** Top-1 on the evaluation samples, 0 to 1. */
  readonly float: number;
  readonly fakeQuant: number;
  readonly integer: number;
  /** Evaluation samples that fake quantization and the integers classify differently. */
  readonly different: number;
  /** Signal-to-noise ratio of the logits, in dB. */
  readonly fakeQuantDb: number;
  readonly integerDb: number;
  /** Largest share of undecided rounding variables of a unit's layer, before they are rounded. */
  readonly softShare: number | null;
  /** Of migration and method; ranges had been observed. */
  readonly seconds: number;
  readonly iterations: number | null;
}

const JUDGED: ScoreOptions = { metric: 'top1', output: null };
const known = new WeakMap<FloatGraph, Map<string, Promise<unknown>>>();

/** What one graph needs once, however many methods follow. */
function once<T>(graph: FloatGraph, name: string, compute: () => Promise<T>): Promise<T> {
  const results = known.get(graph) ?? known.set(graph, new Map()).get(graph)!;
  if (!results.has(name)) results.set(name, compute());
  return results.get(name) as Promise<T>;
}

export async function measureMethod(task: Task, run: MethodRun): Promise<MethodCell> {
  const { calibration: samples, evaluation, labels } = task;
  const started = performance.now();
  const float = requireMethod(run.method).migratesOutliers ? (await migrateOutliers(task.float, samples, { ...parseBits(run.bits), note: run.note })).graph : task.float;
  const migrated = performance.now();
  const ranges = await once(float, run.observer, () => calibrate(float, samples, { observer: run.observer, bits: 8 }));
  const observed = performance.now();
  const { plan, softShare } = await refined(float, ranges, samples, run);
  const seconds = (migrated - started + performance.now() - observed) / 1000;
  const { graph } = optimizeIntegerGraph(lowerGraph(float, plan, run.functions ? { functions: run.functions } : {}));
  verifyIntegerGraph(graph);
  run.note('evaluation');
  const real = await once(task.float, 'evaluation', () => floatValues(task.float, evaluation, JUDGED));
  const fake = await fakeQuantValues(float, graph, plan, evaluation, JUDGED);
  const integer = await integerValues(graph, evaluation, JUDGED);
  const classes = real.length / evaluation.count;
  const right = (values: Float32Array): number => agreement(predictions(values, classes), labels.data);
  return {
    float: right(real),
    fakeQuant: right(fake),
    integer: right(integer),
    different: Math.round((1 - agreement(predictions(fake, classes), predictions(integer, classes))) * evaluation.count),
    fakeQuantDb: sqnrDb(real, fake),
    integerDb: sqnrDb(real, integer),
    softShare,
    seconds,
    iterations: run.iterations ?? null,
  };
}

async function refined(graph: FloatGraph, calibration: CalibrationTable, samples: SampleSet, { method, bits, seed, biasCorrection, iterations, note }: MethodRun) {
  const shares: number[] = [];
  const plan = await refinePlan(planQuantization(graph, calibration, { method, bits, seed }), {
    graph,
    calibration,
    samples,
    seed,
    biasCorrection,
    ...(iterations !== undefined && { iterations }),
    note,
    onUnit: (_unit, { softShare }) => void (softShare !== null && shares.push(softShare)),
  });
  return { plan, softShare: shares.length > 0 ? Math.max(...shares) : null };
}
