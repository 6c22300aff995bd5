/** The seam of quantization methods: one paper a file. */
import type { CalibrationTable, SampleSet } from '../../calibration/types.js';
import type { FloatGraph } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';

export interface MethodContext {
  readonly graph: FloatGraph;
  readonly calibration: CalibrationTable | null;
  /** Calibration samples for methods that run the network; null where none were given. */
  readonly samples: SampleSet | null;
  readonly seed: number;
  /** Correct the biases after the method. */
  readonly biasCorrection?: boolean;
}

/** A plan of nearest codes goes in, a better one comes out. */
export interface QuantizationMethod {
  readonly name: string;
  /** One line for help texts. */
  readonly summary: string;
  refine(plan: QuantizationPlan, context: MethodContext): Promise<QuantizationPlan>;
}
