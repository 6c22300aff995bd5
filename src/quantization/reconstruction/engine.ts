/** Unit after unit in execution order: inputs from the quantized prefix, targets from the float network. */
import { createExecutor } from '../../calibration/executor.js';
import { CalibrationError } from '../../errors.js';
import type { FloatGraph, TensorId } from '../../graph/float.js';
import { tensorOf } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import type { MethodContext } from '../methods/method.js';
import { learnUnit, type Cached, type LearnedUnit } from './learn-unit.js';
import { correctDistribution, correctableLayers, type CorrectedUnit } from './distribution-correction.js';
import { judgedTensor, PredictionDifference } from './prediction-difference.js';
import { Prefix } from './prefix.js';
import type { ReconstructionSettings } from './settings.js';
import { findUnits, type Unit } from './units.js';

/** CalibrationError without samples; an already quantized file is returned as it is. */
export async function reconstruct(plan: QuantizationPlan, context: MethodContext, settings: ReconstructionSettings): Promise<QuantizationPlan> {
  const { graph, samples, seed } = context;
  if (graph.quantized) return plan;
  if (!samples) throw new CalibrationError(`the method '${plan.method}' needs calibration samples`, { hint: 'give them with --calib' });
  const units = findUnits(graph, settings.granularity);
  const float = new Prefix(graph, samples);
  const quantized = new Prefix(graph, samples);
  const logits = settings.prediction ? await floatLogits(context) : null;
  const clock = new Clock(units.map((unit) => work(graph, unit)), settings, context.note);
  let current = plan;
  for (const [index, unit] of units.entries()) {
    const stored = context.checkpoint?.load(unit.name);
    await float.advanceTo(unit.nodes, null);
    await quantized.advanceTo(unit.nodes, current);
    const inputs = cached(float, unit.inputs);
    const behind = cached(quantized, unit.inputs);
    await float.advancePast(unit.nodes, null);
    const real = stored ? null : await realCase(context, unit, settings, { inputs, outputs: cached(float, unit.outputs) });
    const learned = stored ?? (await withPrediction(graph, unit, logits, settings, (prediction) =>
      learnUnit({ graph, unit, plan: current, settings, real: real!.inputs, quantized: behind, targets: real!.outputs, samples: samples.count, seed: 1000 * seed + index, prediction, onIteration: (done, loss) => clock.report(index, unit, done, loss) }),
    ));
    if (!stored) context.checkpoint?.save(unit.name, learned);
    current = withUnit(current, learned);
    clock.finished(index, unit, learned);
    context.onUnit?.(unit.name, learned);
  }
  return { ...current, ...(settings.distribution && { remarks: distributionRemarks(graph, units) }) };
}

function distributionRemarks(graph: FloatGraph, units: readonly Unit[]): readonly string[] {
  if (units.some((unit) => correctableLayers(graph, unit).size > 0)) return [];
  return ['distribution correction is off: the model has no batch norms of its own (they were folded before)'];
}

function cached(prefix: Prefix, ids: readonly TensorId[]): Cached {
  return new Map(ids.map((id) => [id, prefix.values(id)]));
}

function withUnit(plan: QuantizationPlan, { weights, activations }: LearnedUnit): QuantizationPlan {
  return { ...plan, weights: new Map([...plan.weights, ...weights]), activations: new Map([...plan.activations, ...activations]) };
}

/** What the float network has at the edges of a unit, brought to the moments of training where they are known and asked for. */
async function realCase({ graph, samples, note }: MethodContext, unit: Unit, { distribution }: ReconstructionSettings, seen: CorrectedUnit): Promise<CorrectedUnit> {
  if (!distribution || correctableLayers(graph, unit).size === 0) return seen;
  return correctDistribution(graph, unit, seen.inputs, samples!.count, distribution, (done) => {
    note?.(`unit ${unit.name}: distribution of ${done} of ${samples!.count} samples corrected`);
    return turn();
  });
}

async function withPrediction<T>(graph: FloatGraph, unit: Unit, logits: Float32Array | null, { prediction }: ReconstructionSettings, learn: (term: PredictionDifference | null) => Promise<T>): Promise<T> {
  const term = logits && prediction ? PredictionDifference.behind(graph, unit, logits, prediction) : null;
  try {
    return await learn(term);
  } finally {
    term?.dispose();
  }
}

async function floatLogits({ graph, samples }: MethodContext): Promise<Float32Array> {
  const judged = judgedTensor(graph);
  const executor = await createExecutor(graph);
  try {
    return (await executor.run(samples!.inputs, samples!.count, { keep: [judged] })).get(judged)!;
  } finally {
    executor.dispose();
  }
}

/** Multiply-accumulates of one sample: what time is estimated from. */
function work(graph: FloatGraph, { nodes }: Unit): number {
  return nodes.reduce((sum, node) => {
    const inputs = node.inputs.map((id) => tensorOf(graph, id));
    const outputs = node.outputs.map((id) => tensorOf(graph, id).shape);
    return sum + (findOperator(node.op)?.float?.macs?.(node, inputs, outputs) ?? 0);
  }, 0);
}

class Clock {
  private readonly started = performance.now();
  private readonly total: number;
  private readonly iterations: number;

  constructor(
    private readonly units: readonly number[],
    settings: ReconstructionSettings,
    private readonly note: ((text: string) => void) | undefined,
  ) {
    this.total = units.reduce((sum, macs) => sum + macs, 0);
    this.iterations = settings.stages.reduce((sum, stage) => sum + stage.iterations, 0);
  }

  /** Leaves the event loop a turn, so that a progress line can be drawn. */
  report(index: number, unit: Unit, done: number, loss: number): Promise<void> {
    const before = this.units.slice(0, index).reduce((sum, macs) => sum + macs, 0);
    const share = (before + (this.units[index]! * done) / this.iterations) / this.total;
    const seconds = (performance.now() - this.started) / 1000;
    this.note?.(`unit ${index + 1} of ${this.units.length} (${unit.name}): iteration ${done} of ${this.iterations}, loss ${loss.toPrecision(3)}, ${remaining((seconds * (1 - share)) / share)} left`);
    return turn();
  }

  finished(index: number, unit: Unit, { softShare, loss }: LearnedUnit): void {
    const soft = softShare === null ? '' : `, ${(100 * softShare).toFixed(1)} % of the rounding variables undecided`;
    this.note?.(`unit ${index + 1} of ${this.units.length} (${unit.name}) done: loss ${loss.toPrecision(3)}${soft}`);
  }
}

/** Of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function remaining(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
