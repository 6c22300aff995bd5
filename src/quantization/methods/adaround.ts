/** AdaRound (Nagel et al., 2020): up or down learned layer by layer against the layer's own float output. */
import { reconstruct } from '../reconstruction/engine.js';
import { BATCH, STEP_RATE } from '../reconstruction/settings.js';
import { softRounding } from '../reconstruction/soft-rounding.js';
import type { QuantizationMethod } from './method.js';

export const adaround: QuantizationMethod = {
  name: 'adaround',
  summary: 'weights rounded up or down as each layer learns it; activation ranges from the observer',
  keepsScalesPositive: true,
  refine: (plan, context) =>
    reconstruct(plan, context, {
      granularity: 'layer',
      weights: softRounding,
      stages: [{ iterations: context.iterations ?? 400, weights: 'learned', activations: 'float', keep: 1, exponent: 2 }],
      batch: BATCH,
      stepRate: STEP_RATE,
      prediction: null,
      distribution: null,
    }),
};
