/** PD-Quant (Liu et al., 2023): QDrop with the difference of the network's prediction in the loss. */
import { reconstruct } from '../reconstruction/engine.js';
import { BATCH, STEP_RATE } from '../reconstruction/settings.js';
import { softRounding } from '../reconstruction/soft-rounding.js';
import type { QuantizationMethod } from './method.js';

export const pdQuant: QuantizationMethod = {
  name: 'pd-quant',
  summary: 'as qdrop, with the prediction of the whole network in the loss',
  keepsScalesPositive: true,
  refine: (plan, context) =>
    reconstruct(plan, context, {
      granularity: 'block',
      weights: softRounding,
      stages: [{ iterations: context.iterations ?? 300, weights: 'learned', activations: 'learned', keep: 0.5, exponent: 2 }],
      batch: BATCH,
      stepRate: STEP_RATE,
      prediction: { weight: 10, temperature: 4 },
      distribution: { iterations: 40, rate: 1e-2, closeness: 50, batch: BATCH },
    }),
};
