/** Every weight to its nearest code: the plan as planQuantization makes it. */
import type { QuantizationMethod } from './method.js';

export const nearest: QuantizationMethod = {
  name: 'nearest',
  summary: 'every weight to its nearest code',
  isCorrected: true,
  refine: (plan) => Promise.resolve(plan),
};
