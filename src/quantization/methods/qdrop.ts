/** QDrop (Wei et al., 2022): rounding and activation steps learned together, quantization dropped for half of the elements. */
import { reconstruct } from '../reconstruction/engine.js';
import { BATCH, STEP_RATE } from '../reconstruction/settings.js';
import { softRounding } from '../reconstruction/soft-rounding.js';
import type { QuantizationMethod } from './method.js';

export const qdrop: QuantizationMethod = {
  name: 'qdrop',
  summary: 'rounding and activation steps learned block by block, with half of the activations left real',
  keepsScalesPositive: true,
  refine: (plan, context) =>
    reconstruct(plan, context, {
      granularity: 'block',
      weights: softRounding,
      stages: [{ iterations: context.iterations ?? 400, weights: 'learned', activations: 'learned', keep: 0.5, exponent: 2 }],
      batch: BATCH,
      stepRate: STEP_RATE,
      prediction: null,
      distribution: null,
    }),
};
