/**
 * PTQ4DM (Shang et al., 2023) for diffusion models: nearest codes with ranges of least mean error over samples of the float
 * sampler, each at a step of its own drawn from a normal distribution (src/calibration/diffusion). The correction of biases at every
 * width is ours: what rounded weights shift is the same in every turn of the sampler.
 */
import type { QuantizationMethod } from './method.js';

export const ptq4dm: QuantizationMethod = {
  name: 'ptq4dm',
  summary: 'diffusion models: ranges from the float sampler at normally distributed time steps (needs --diffusion)',
  calibratesBySampler: true,
  isCorrected: true,
  isAlwaysCorrected: true,
  refine: (plan) => Promise.resolve(plan),
};
