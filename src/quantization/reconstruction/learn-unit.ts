/** Learns the weights and activation steps of one unit so that its outputs come back to those of the float network. */
import { tensorOf, elementCount, type FloatGraph, type TensorId } from '../../graph/float.js';
import type { QuantizationPlan, WeightPlan } from '../../operators/lower.js';
import { tf } from '../../tensor/index.js';
import { dequantizedWeights } from '../fake-quant.js';
import { constantWeights } from '../widths.js';
import { quantizeActivation } from './activations.js';
import { cosine } from './adam.js';
import { constantsOf, forward } from './forward.js';
import { LogDivision } from './log-division.js';
import type { PredictionDifference } from './prediction-difference.js';
import { SeededRandom } from '../../tensor/random.js';
import type { ReconstructionSettings, Stage } from './settings.js';
import { learnedSteps, type LearnedStep } from './steps.js';
import type { Unit } from './units.js';
import type { WeightLearner } from './weights.js';

/** Values of every calibration sample, concatenated. */
export type Cached = ReadonlyMap<TensorId, Float32Array>;

export interface UnitTask {
  readonly graph: FloatGraph;
  readonly unit: Unit;
  readonly plan: QuantizationPlan;
  readonly settings: ReconstructionSettings;
  /** Inputs of the unit in the float network, and behind the quantized prefix. */
  readonly real: Cached;
  readonly quantized: Cached;
  /** Outputs of the unit in the float network. */
  readonly targets: Cached;
  readonly samples: number;
  readonly seed: number;
  readonly prediction: PredictionDifference | null;
  readonly onIteration?: (done: number, loss: number) => void | Promise<void>;
}

export interface LearnedUnit {
  readonly weights: ReadonlyMap<TensorId, WeightPlan>;
  readonly activations: QuantizationPlan['activations'];
  /** Largest share of undecided rounding variables of a layer, null where the method has none. */
  readonly softShare: number | null;
  /** Of the last iteration. */
  readonly loss: number;
}

/** How often the caller hears of the loss. */
const REPORTED = 10;

export async function learnUnit(task: UnitTask): Promise<LearnedUnit> {
  const learning = new Learning(task);
  try {
    let done = 0;
    let loss = 0;
    for (const stage of task.settings.stages) {
      learning.begin(stage);
      for (let i = 0; i < stage.iterations; i++) {
        loss = learning.iterate(stage, i);
        done++;
        if (done % REPORTED === 0) await task.onIteration?.(done, loss);
      }
    }
    return { ...learning.finish(), loss };
  } finally {
    learning.dispose();
  }
}

class Learning {
  private readonly learners: ReadonlyMap<TensorId, WeightLearner>;
  private readonly steps: readonly LearnedStep[];
  private readonly random: SeededRandom;
  /** Constants that this stage does not learn. */
  private fixed = new Map<TensorId, tf.Tensor>();

  constructor(private readonly task: UnitTask) {
    const { graph, unit, plan, settings } = task;
    this.random = new SeededRandom(task.seed);
    this.steps = learnedSteps(graph, unit, plan);
    const ids = unit.nodes.flatMap((node) => constantWeights(graph, node) ?? []);
    this.learners = new Map(
      ids.map((id) => {
        const { data, shape } = tensorOf(graph, id);
        const layer = { values: data as Float32Array, shape, plan: plan.weights.get(id)! };
        return [id, layer.plan.encoding ? new LogDivision(layer) : settings.weights(layer)];
      }),
    );
  }

  begin(stage: Stage): void {
    this.dispose();
    const { graph, unit } = this.task;
    for (const id of constantsOf(graph, unit.nodes)) {
      const learner = this.learners.get(id);
      if (learner && stage.weights === 'learned') continue;
      const { shape, data, type } = tensorOf(graph, id);
      const values = learner ? dequantizedWeights(graph, { ...this.task.plan, weights: new Map([[id, learner.finish()]]) }, id)! : data!;
      this.fixed.set(id, tf.tensor(values, [...shape], type === 'float32' ? 'float32' : 'int32'));
    }
  }

  dispose(): void {
    for (const tensor of this.fixed.values()) tensor.dispose();
    this.fixed = new Map();
  }

  /** One step of the optimisation; returns the loss. */
  iterate(stage: Stage, index: number): number {
    const learned = stage.weights === 'learned' ? [...this.learners] : [];
    const steps = stage.activations === 'float' ? [] : this.steps;
    const { loss, gradients } = this.differentiate(stage, learned.map(([id]) => id), steps);
    const moment = { progress: index / stage.iterations, iterations: stage.iterations };
    learned.forEach(([, learner], k) => learner.learn(gradients[k]!, moment));
    const rate = this.task.settings.stepRate * cosine(moment.progress);
    // One shift must stay the ratio of the scales.
    if (stage.activations === 'learned' && this.task.plan.arith !== 'shift') steps.forEach((step, k) => step.learn(gradients[learned.length + k]![0]!, rate));
    return loss;
  }

  finish(): Omit<LearnedUnit, 'loss'> {
    const weights = new Map([...this.learners].map(([id, learner]) => [id, learner.finish()]));
    const activations = new Map(this.steps.filter((step) => step.isLearned).flatMap((step) => step.members.map((id) => [id, { ...step.plan, scale: Math.fround(step.value[0]!) }] as const)));
    const shares = [...this.learners].flatMap(([, learner]) => learner.softShare() ?? []);
    return { weights, activations, softShare: shares.length > 0 ? Math.max(...shares) : null };
  }

  private differentiate(stage: Stage, ids: readonly TensorId[], steps: readonly LearnedStep[]): { readonly loss: number; readonly gradients: readonly Float32Array[] } {
    const { graph, settings } = this.task;
    const indices = Array.from({ length: settings.batch }, () => this.random.below(this.task.samples));
    const result = { loss: 0, gradients: [] as readonly Float32Array[] };
    // Nothing is returned from inside: what tidy returns it searches for tensors, element by element.
    tf.tidy(() => {
      const variables = [...ids.map((id) => tf.tensor(this.learners.get(id)!.values(), [...tensorOf(graph, id).shape])), ...steps.map((step) => tf.scalar(step.value[0]!))];
      const compute = (...given: tf.Tensor[]): tf.Scalar => {
        const constants = new Map([...this.fixed, ...ids.map((id, k) => [id, given[k]!] as const)]);
        return this.loss(stage, indices, constants, new Map(steps.map((step, k) => [step, given[ids.length + k] as tf.Scalar])));
      };
      if (variables.length === 0) result.loss = compute().dataSync()[0]!;
      else {
        const { value, grads } = tf.valueAndGrads(compute as never)(variables);
        result.loss = value.dataSync()[0]!;
        result.gradients = grads.map((g) => g.dataSync() as Float32Array);
      }
    });
    return result;
  }

  private loss(stage: Stage, indices: readonly number[], constants: ReadonlyMap<TensorId, tf.Tensor>, steps: ReadonlyMap<LearnedStep, tf.Scalar>): tf.Scalar {
    const { graph, unit, targets, prediction } = this.task;
    const batch = indices.length;
    const transform = this.quantizer(stage, steps);
    const made = forward(graph, unit.nodes, { batch, inputs: this.inputs(indices, stage.keep), constants, transform });
    const terms = unit.outputs.map((id) => distance(made.get(id)!, this.gather(targets.get(id)!, id, indices), stage.exponent));
    if (prediction) {
      const whole = forward(graph, unit.nodes, { batch, inputs: this.inputs(indices, 1), constants, transform });
      terms.push(prediction.term(whole, indices));
    }
    return (terms.length === 1 ? terms[0]! : tf.addN(terms)) as tf.Scalar;
  }

  private quantizer(stage: Stage, steps: ReadonlyMap<LearnedStep, tf.Scalar>): (id: TensorId, value: tf.Tensor) => tf.Tensor {
    const stepOf = new Map([...steps.keys()].flatMap((step) => step.members.map((id) => [id, step] as const)));
    return (id, value) => {
      const step = stepOf.get(id);
      if (!step) return value;
      const keep = stage.keep < 1 ? this.random.mask(value.size, stage.keep) : null;
      return quantizeActivation(value, steps.get(step)!, step.interval, keep);
    };
  }

  /** Quantized inputs, element by element replaced by the real ones with probability 1 − keep. */
  private inputs(indices: readonly number[], keep: number): ReadonlyMap<TensorId, tf.Tensor> {
    const { unit, real, quantized } = this.task;
    return new Map(
      unit.inputs.map((id) => {
        const values = this.gather(quantized.get(id)!, id, indices);
        return [id, keep < 1 ? mixed(values, this.gather(real.get(id)!, id, indices), this.random.mask(values.size, keep)) : values] as const;
      }),
    );
  }

  private gather(values: Float32Array, id: TensorId, indices: readonly number[]): tf.Tensor {
    const { shape, type } = tensorOf(this.task.graph, id);
    const size = elementCount(shape);
    const batch = type === 'float32' ? new Float32Array(indices.length * size) : new Int32Array(indices.length * size);
    indices.forEach((sample, i) => batch.set(values.subarray(sample * size, (sample + 1) * size), i * size));
    return tf.tensor(batch, [indices.length, ...shape], type === 'float32' ? 'float32' : 'int32');
  }
}

function mixed(kept: tf.Tensor, dropped: tf.Tensor, mask: Uint8Array): tf.Tensor {
  if (kept.dtype !== 'float32') return kept;
  const values = kept.dataSync() as Float32Array;
  const other = dropped.dataSync() as Float32Array;
  const chosen = new Float32Array(values.length);
  // By a product: a branch on a random mask is mispredicted at every second element.
  for (let i = 0; i < chosen.length; i++) chosen[i] = other[i]! + mask[i]! * (values[i]! - other[i]!);
  return tf.tensor(chosen, kept.shape);
}

/** Sum over channels, mean over everything else. */
function distance(actual: tf.Tensor, wanted: tf.Tensor, exponent: number): tf.Tensor {
  const difference = tf.sub(actual, wanted);
  const powers = exponent === 2 ? tf.square(difference) : tf.pow(tf.abs(difference), exponent);
  return tf.mul(tf.mean(powers), actual.shape.at(-1)!);
}
