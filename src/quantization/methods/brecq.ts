/** BRECQ (Li et al., 2021): rounding learned block by block on real activations, then the activation steps. */
import { reconstruct } from '../reconstruction/engine.js';
import { BATCH, STEP_RATE } from '../reconstruction/settings.js';
import { softRounding } from '../reconstruction/soft-rounding.js';
import type { QuantizationMethod } from './method.js';

export const brecq: QuantizationMethod = {
  name: 'brecq',
  summary: 'rounding learned block by block, then activation steps',
  keepsScalesPositive: true,
  refine: (plan, context) => {
    const iterations = context.iterations ?? 400;
    return reconstruct(plan, context, {
      granularity: 'block',
      weights: softRounding,
      stages: [
        { iterations, weights: 'learned', activations: 'float', keep: 1, exponent: 2 },
        { iterations: Math.ceil(iterations / 4), weights: 'fixed', activations: 'learned', keep: 1, exponent: 2.4 },
      ],
      batch: BATCH,
      stepRate: STEP_RATE,
      prediction: null,
      distribution: null,
    });
  },
};
