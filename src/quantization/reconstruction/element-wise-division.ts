/**
 * FlexRound (Lee et al., 2023): Ŵ = s1·clip(R(W / (s1⊙S2⊙s3⊙s4))), every divisor learned in logarithms; only s1 survives.
 * S2 is one a weight, s1 and s3 one an output channel, s4 one an input channel.
 */
import type { WeightPlan } from '../../operators/lower.js';
import { roundHalfAway } from '../../graph/lanes.js';
import { channelIndexer } from '../scales.js';
import { Adam, cosine } from './adam.js';
import { codeLimits, type LayerWeights, type Moment, type WeightLearner } from './weights.js';

export interface ElementWiseDivisionOptions {
  /** Adam's rate; by default larger the fewer the bits, since a step of ε moves a code u by ε·u. */
  readonly rate?: number;
}

export function elementWiseDivision(layer: LayerWeights, options: ElementWiseDivisionOptions = {}): ElementWiseDivision {
  return new ElementWiseDivision(layer, options);
}

export interface DivisorGradients {
  readonly grid: Float32Array;
  readonly weight: Float32Array;
  readonly output: Float32Array;
  readonly input: Float32Array;
}

export class ElementWiseDivision implements WeightLearner {
  /** Logarithms: ln s1, ln S2, ln s3, ln s4. Public for the tests of the gradients. */
  readonly grid: Float32Array;
  readonly weight: Float32Array;
  readonly output: Float32Array;
  readonly input: Float32Array;
  /** Of the scales: flipped channels stay flipped. */
  private readonly signs: readonly number[];
  private readonly learners: readonly Adam[];
  private readonly limits: readonly [number, number];
  private readonly outputOf: (flat: number) => number;
  private readonly inputOf: (flat: number) => number;

  constructor(
    private readonly layer: LayerWeights,
    private readonly options: ElementWiseDivisionOptions,
  ) {
    const { values, shape, plan } = layer;
    const outputs = channelIndexer(shape, plan.scale.length > 1 ? plan.axis : null);
    const last = shape.length - 1;
    const inputs = channelIndexer(shape, plan.axis === last || plan.axis !== 0 ? null : last);
    this.outputOf = outputs.channelOf;
    this.inputOf = inputs.channelOf;
    this.limits = codeLimits(plan.bits);
    this.signs = plan.scale.map(Math.sign);
    this.grid = Float32Array.from(plan.scale, (scale) => Math.log(Math.abs(scale)));
    this.weight = new Float32Array(values.length);
    this.output = new Float32Array(outputs.channels);
    this.input = new Float32Array(inputs.channels);
    this.learners = [this.grid, this.weight, this.output, this.input].map((variables) => new Adam(variables));
  }

  values(): Float32Array {
    return this.layer.values.map((_, i) => this.scaleOf(this.outputOf(i)) * this.clip(roundHalfAway(this.position(i))));
  }

  learn(gradient: Float32Array, { progress }: Moment): void {
    const rate = (this.options.rate ?? 4e-2 / 2 ** (this.layer.plan.bits - 1)) * cosine(progress);
    const { grid, weight, output, input } = this.gradients(gradient);
    [grid, weight, output, input].forEach((own, k) => this.learners[k]!.step(own, rate));
  }

  /** ∂loss/∂ of the four logarithms, rounding passed straight through. */
  gradients(gradient: Float32Array): DivisorGradients {
    const grid = new Float32Array(this.grid.length);
    const output = new Float32Array(this.output.length);
    const input = new Float32Array(this.input.length);
    const [least, most] = this.limits;
    const weight = gradient.map((g, i) => {
      const o = this.outputOf(i);
      const scale = this.scaleOf(o);
      const u = this.position(i);
      const rounded = roundHalfAway(u);
      const isInside = rounded >= least && rounded <= most;
      const moved = isInside ? g * scale * u : 0;
      grid[o]! += scale * g * this.clip(rounded) - moved;
      output[o]! -= moved;
      input[this.inputOf(i)]! -= moved;
      return -moved;
    });
    return { grid, weight, output, input };
  }

  softShare(): null {
    return null;
  }

  finish(): WeightPlan {
    const scale = Array.from(this.grid, (_, o) => Math.fround(this.scaleOf(o)));
    const codes = Int8Array.from(this.layer.values, (_, i) => this.clip(roundHalfAway(this.position(i))));
    return { ...this.layer.plan, scale, codes };
  }

  /** s1 with its sign. */
  private scaleOf(output: number): number {
    return this.signs[output]! * Math.exp(this.grid[output]!);
  }

  /** W / (s1⊙S2⊙s3⊙s4). */
  private position(i: number): number {
    const o = this.outputOf(i);
    return (this.signs[o]! * this.layer.values[i]!) / Math.exp(this.grid[o]! + this.weight[i]! + this.output[o]! + this.input[this.inputOf(i)]!);
  }

  private clip(code: number): number {
    return Math.min(this.limits[1], Math.max(this.limits[0], code));
  }
}
