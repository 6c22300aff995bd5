/** Diffusion models: their process, their sampler, calibration samples from it. */
export { diffusionFrom, parseDiffusion, type Diffusion, type DiffusionProcess } from './config.js';
export { diffusionNetwork, floatDenoiser, type DiffusionNetwork } from './network.js';
export { normals } from './noise.js';
export { sampleImages, type Denoiser } from './sampler.js';
export { trajectorySamples } from './trajectories.js';
