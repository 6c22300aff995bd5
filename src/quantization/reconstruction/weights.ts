/** What learns the codes of one layer's weights: real values in, gradients back, codes at the end. */
import type { WeightPlan } from '../../operators/lower.js';

/** Where the optimisation stands. */
export interface Moment {
  /** 0 at the first iteration, towards 1 at the last. */
  readonly progress: number;
  readonly iterations: number;
}

export interface WeightLearner {
  /** The weights that this iteration computes with. */
  values(): Float32Array;
  /** One step along the gradient of the loss with respect to `values()`. */
  learn(gradient: Float32Array, moment: Moment): void;
  /** Share of rounding variables that are neither up nor down; null where the method has none. */
  softShare(): number | null;
  finish(): WeightPlan;
}

/** Real weights, their row-major shape and the plan that learning starts from. */
export interface LayerWeights {
  readonly values: Float32Array;
  readonly shape: readonly number[];
  readonly plan: WeightPlan;
}

export type WeightLearnerFactory = (layer: LayerWeights) => WeightLearner;

/** Codes that searched weights of this width may take; 8 bits stay symmetric, as kernels of others want them. */
export function codeLimits(bits: number): readonly [number, number] {
  const most = 2 ** (bits - 1) - 1;
  return bits < 8 ? [-most - 1, most] : [-most, most];
}
