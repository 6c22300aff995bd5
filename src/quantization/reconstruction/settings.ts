/** What the methods choose between; one method is one set of these. */
import type { CorrectionOptions } from './distribution-correction.js';
import type { Granularity } from './units.js';
import type { WeightLearnerFactory } from './weights.js';

/** One run over a unit's iterations. */
export interface Stage {
  readonly iterations: number;
  readonly weights: 'learned' | 'fixed';
  /** Activations of fewer than 8 bits inside the unit. */
  readonly activations: 'float' | 'quantized' | 'learned';
  /** Probability that an element is taken quantized, at the unit's input and inside (QDrop); 1 takes all. */
  readonly keep: number;
  /** The loss is the mean over samples and space of Σ_channels |difference|^exponent. */
  readonly exponent: number;
}

export interface ReconstructionSettings {
  readonly granularity: Granularity;
  readonly weights: WeightLearnerFactory;
  readonly stages: readonly Stage[];
  readonly batch: number;
  /** Rate of the activation steps, as a fraction of their start, falling to 0 as a cosine. */
  readonly stepRate: number;
  /** Weight and temperature of the prediction difference (PD-Quant), null where the local loss is all. */
  readonly prediction: { readonly weight: number; readonly temperature: number } | null;
  /** How the real inputs of a unit are brought to the moments of training (PD-Quant), null where they stay. */
  readonly distribution: CorrectionOptions | null;
}

export const BATCH = 32;
export const STEP_RATE = 1e-3;
