/**
 * AdaRound's variables (Nagel et al., 2020): Ŵ = s·clip(⌊W/s⌋ + h(α)), h a stretched sigmoid. A regularizer pushes every h
 * to 0 or 1; what is left in between is rounded at the end.
 */
import type { WeightPlan } from '../../operators/lower.js';
import { channelIndexer } from '../scales.js';
import { Adam } from './adam.js';
import { codeLimits, type LayerWeights, type Moment, type WeightLearner } from './weights.js';

const STRETCH = 1.2;
const BELOW = -0.1;
/** Between these a variable counts as undecided. */
const UNDECIDED = [0.05, 0.95] as const;

export interface SoftRoundingOptions {
  /** Weight of the regularizer beside a loss that sums over channels. */
  readonly lambda?: number;
  /** Fraction of the iterations without regularizer. */
  readonly warmUp?: number;
  /** Adam's rate; by default one that moves undecided variables all the way within the iterations. */
  readonly rate?: number;
}

export function softRounding(layer: LayerWeights, options: SoftRoundingOptions = {}): SoftRounding {
  return new SoftRounding(layer, options);
}

export class SoftRounding implements WeightLearner {
  /** Public for the tests of the gradient. */
  readonly alpha: Float32Array;
  private readonly floor: Float32Array;
  private readonly scales: Float32Array;
  private readonly adam: Adam;
  private readonly limits: readonly [number, number];

  constructor(
    private readonly layer: LayerWeights,
    private readonly options: SoftRoundingOptions,
  ) {
    const { values, shape, plan } = layer;
    const { channelOf } = channelIndexer(shape, plan.scale.length > 1 ? plan.axis : null);
    this.limits = codeLimits(plan.bits);
    this.scales = Float32Array.from(values, (_, i) => plan.scale[channelOf(i)]!);
    this.floor = Float32Array.from(values, (w, i) => Math.floor(w / this.scales[i]!));
    this.alpha = Float32Array.from(values, (w, i) => -Math.log(STRETCH / (w / this.scales[i]! - this.floor[i]! - BELOW) - 1));
    this.adam = new Adam(this.alpha);
  }

  values(): Float32Array {
    return this.alpha.map((a, i) => this.scales[i]! * this.clip(this.floor[i]! + up(a)));
  }

  learn(gradient: Float32Array, moment: Moment): void {
    const rate = this.options.rate ?? defaultRate(moment.iterations, this.layer.plan.bits);
    this.adam.step(this.variableGradient(gradient, moment), rate);
  }

  /** ∂(loss + regularizer)/∂α. */
  variableGradient(gradient: Float32Array, moment: Moment): Float32Array {
    const { lambda = 0.01 } = this.options;
    const beta = annealed(moment.progress, this.options.warmUp ?? 0.2);
    const [least, most] = this.limits;
    return this.alpha.map((a, i) => {
      const sigmoid = 1 / (1 + Math.exp(-a));
      const h = STRETCH * sigmoid + BELOW;
      if (h <= 0 || h >= 1) return 0;
      const code = this.floor[i]! + h;
      const loss = code >= least && code <= most ? gradient[i]! * this.scales[i]! : 0;
      const towards = 2 * h - 1;
      const push = beta === null ? 0 : -2 * lambda * beta * Math.abs(towards) ** (beta - 1) * Math.sign(towards);
      return (loss + push) * STRETCH * sigmoid * (1 - sigmoid);
    });
  }

  /** λ·Σ 1 − |2h − 1|^β. */
  regularizer(moment: Moment): number {
    const beta = annealed(moment.progress, this.options.warmUp ?? 0.2);
    if (beta === null) return 0;
    return (this.options.lambda ?? 0.01) * this.alpha.reduce((sum, a) => sum + 1 - Math.abs(2 * up(a) - 1) ** beta, 0);
  }

  softShare(): number {
    let soft = 0;
    for (const a of this.alpha) if (up(a) > UNDECIDED[0] && up(a) < UNDECIDED[1]) soft++;
    return soft / this.alpha.length;
  }

  finish(): WeightPlan {
    const codes = Int8Array.from(this.alpha, (a, i) => this.clip(this.floor[i]! + (a >= 0 ? 1 : 0)));
    return { ...this.layer.plan, codes };
  }

  private clip(code: number): number {
    return Math.min(this.limits[1], Math.max(this.limits[0], code));
  }
}

function up(alpha: number): number {
  return Math.min(1, Math.max(0, STRETCH / (1 + Math.exp(-alpha)) + BELOW));
}

/** The exponent from 20 to 2, null during the warm-up. */
function annealed(progress: number, warmUp: number): number | null {
  return progress < warmUp ? null : 20 - (18 * (progress - warmUp)) / (1 - warmUp);
}

/** Rate times iterations at least 40, more where the gradient of the loss is large: few bits. */
function defaultRate(iterations: number, bits: number): number {
  const wanted = bits <= 2 ? 80 : bits === 3 ? 60 : 40;
  return Math.min(0.3, Math.max(1e-3, wanted / iterations));
}
