/**
 * FlexRound on a grid of sums of powers of two: Ŵ = s·Q(W / (s⊙S2⊙s3⊙s4)), Q the nearest value of the grid, divisors learned
 * in logarithms. The scale s stays, for one shift must remain all the requantization. Steps of this grid are proportional
 * to the weights, so that the straight-through gradient of a logarithm is −Ŵ (∂2^k/∂k = ln 2·2^k, rounding of k passed
 * through).
 */
import type { WeightPlan } from '../../operators/lower.js';
import { nearestIndex, shiftGrid } from '../../operators/shift/weights.js';
import { channelIndexer } from '../scales.js';
import { Adam, cosine } from './adam.js';
import type { LayerWeights, Moment, WeightLearner } from './weights.js';

/** Adam's rate for one term, whose steps are a third of a weight; every further term halves the steps twice and more. */
const RATE = 2e-2;
const FINER = 5;

export class LogDivision implements WeightLearner {
  /** Logarithms: ln S2 (one a weight), ln s3 (an output channel), ln s4 (an input channel). */
  private readonly weight: Float32Array;
  private readonly output: Float32Array;
  private readonly input: Float32Array;
  private readonly learners: readonly Adam[];
  private readonly grid: Int32Array;
  private readonly rate: number;
  private readonly outputOf: (flat: number) => number;
  private readonly inputOf: (flat: number) => number;

  constructor(private readonly layer: LayerWeights) {
    const { values, shape, plan } = layer;
    const last = shape.length - 1;
    const outputs = channelIndexer(shape, plan.scale.length > 1 ? plan.axis : null);
    const inputs = channelIndexer(shape, plan.axis === last || plan.axis !== 0 ? null : last);
    this.outputOf = outputs.channelOf;
    this.inputOf = inputs.channelOf;
    this.grid = shiftGrid(plan.encoding!);
    this.rate = RATE / FINER ** (plan.encoding!.terms - 1);
    this.weight = new Float32Array(values.length);
    this.output = new Float32Array(outputs.channels);
    this.input = new Float32Array(inputs.channels);
    this.learners = [this.weight, this.output, this.input].map((variables) => new Adam(variables));
  }

  values(): Float32Array {
    return Float32Array.from(this.layer.values, (_, i) => this.scaleOf(i) * this.code(i));
  }

  learn(gradient: Float32Array, { progress }: Moment): void {
    const output = new Float32Array(this.output.length);
    const input = new Float32Array(this.input.length);
    const largest = this.grid[this.grid.length - 1]!;
    const weight = gradient.map((g, i) => {
      const isInside = Math.abs(this.position(i)) <= largest;
      const moved = isInside ? -g * this.scaleOf(i) * this.code(i) : 0;
      output[this.outputOf(i)]! += moved;
      input[this.inputOf(i)]! += moved;
      return moved;
    });
    [weight, output, input].forEach((own, k) => this.learners[k]!.step(own, this.rate * cosine(progress)));
  }

  softShare(): null {
    return null;
  }

  finish(): WeightPlan {
    return { ...this.layer.plan, codes: Int16Array.from(this.layer.values, (_, i) => this.code(i)) };
  }

  private scaleOf(i: number): number {
    return this.layer.plan.scale[this.outputOf(i)]!;
  }

  private position(i: number): number {
    return this.layer.values[i]! / (this.scaleOf(i) * Math.exp(this.weight[i]! + this.output[this.outputOf(i)]! + this.input[this.inputOf(i)]!));
  }

  private code(i: number): number {
    return this.grid[nearestIndex(this.grid, this.position(i))]!;
  }
}
