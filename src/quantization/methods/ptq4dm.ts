/**
 * PTQ4DM (Shang et al., 2023) for diffusion models: nearest codes with ranges of least mean error over samples of the float
 * sampler, each at a step of its own drawn from a normal distribution (src/calibration/diffusion).
 */
import type { QuantizationMethod } from './method.js';

export const ptq4dm: QuantizationMethod = {
  name: 'ptq4dm',
  summary: 'diffusion models: ranges from the float sampler at normally distributed time steps (needs --diffusion)',
  calibratesBySampler: true,
  isCorrected: true,
  refine: (plan) => Promise.resolve(plan),
};
