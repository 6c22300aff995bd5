/** The seam of quantization methods: one paper a file. */
import type { CalibrationTable, SampleSet } from '../../calibration/types.js';
import type { FloatGraph } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import type { Checkpoint } from '../reconstruction/checkpoint.js';

export interface MethodContext {
  readonly graph: FloatGraph;
  readonly calibration: CalibrationTable | null;
  /** Calibration samples for methods that run the network; null where none were given. */
  readonly samples: SampleSet | null;
  readonly seed: number;
  /** Correct the biases after the method. */
  readonly biasCorrection?: boolean;
  /** Iterations a unit for methods that learn; each has its own default. */
  readonly iterations?: number;
  /** Says how far a method is. */
  readonly note?: (text: string) => void;
  /** Called after every unit that a method has learned. */
  readonly onUnit?: (name: string, result: { readonly softShare: number | null; readonly loss: number }) => void;
  /** Finished units of an interrupted optimisation. */
  readonly checkpoint?: Checkpoint;
}

/** A plan of nearest codes goes in, a better one comes out. */
export interface QuantizationMethod {
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  /** Outlier channels are shifted and scaled into the neighbouring layers before ranges are observed. */
  readonly migratesOutliers?: true;
  /** Ranges are observed on what the sampler of a diffusion model makes, never on given samples. */
  readonly calibratesBySampler?: true;
  /** Nothing is learned: below 8 weight bits bias correction follows unless it is declined. */
  readonly isCorrected?: true;
  /** At 8 bits too: outputs go in again, so that shifted means add up. */
  readonly isAlwaysCorrected?: true;
  /**
   * No channel's scale may be negative, which at 2 and 3 bits lets the lowest code serve a positive tail. Soft rounding
   * lost more than it won by that: ResNet-8 at W3A3 4.4 → 6.6 points of drop with AdaRound, 3.8 → 5.4 with QDrop, 5.5 → 4.0
   * with BRECQ; at W2A2 12.6 → 18.5 with BRECQ.
   */
  readonly keepsScalesPositive?: true;
  refine(plan: QuantizationPlan, context: MethodContext): Promise<QuantizationPlan>;
}
