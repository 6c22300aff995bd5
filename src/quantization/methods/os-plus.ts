/**
 * Outlier Suppression+ (Wei et al., 2023): channels are shifted and scaled behind their producers before ranges are
 * observed (src/migration.ts); what is left to round is rounded to nearest.
 */
import type { QuantizationMethod } from './method.js';

export const osPlus: QuantizationMethod = {
  name: 'os-plus',
  summary: 'outlier channels shifted and scaled into the neighbouring layers, then nearest codes',
  migratesOutliers: true,
  isCorrected: true,
  refine: (plan) => Promise.resolve(plan),
};
