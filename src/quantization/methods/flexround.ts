/**
 * FlexRound (Lee et al., 2023): element-wise division learned block by block, in the paper's setting with QDrop's dropping
 * where activations have few codes; with more of them dropping only adds noise to a short optimisation.
 */
import { reconstruct } from '../reconstruction/engine.js';
import { elementWiseDivision } from '../reconstruction/element-wise-division.js';
import { BATCH, STEP_RATE } from '../reconstruction/settings.js';
import { parseBits } from '../widths.js';
import type { QuantizationMethod } from './method.js';

export const flexround: QuantizationMethod = {
  name: 'flexround',
  summary: 'every weight divided by a learned number, with a learned grid, block by block',
  refine: (plan, context) =>
    reconstruct(plan, context, {
      granularity: 'block',
      weights: elementWiseDivision,
      stages: [{ iterations: context.iterations ?? 400, weights: 'learned', activations: 'learned', keep: parseBits(plan.bits).activationBits <= 3 ? 0.5 : 1, exponent: 2 }],
      batch: BATCH,
      stepRate: STEP_RATE,
      prediction: null,
      distribution: null,
    }),
};
