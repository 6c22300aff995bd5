/** The deterministic sampler of a diffusion process: DDIM (Song et al., 2021) with eta = 0. */
import type { DiffusionProcess } from './config.js';

/** The noise that a network sees in `count` images (concatenated) at step t. */
export type Denoiser = (images: Float32Array, t: number, count: number) => Promise<Float32Array>;

/** From noise to images; behind the last step nothing of the noise is left. */
export async function sampleImages(process: DiffusionProcess, denoise: Denoiser, noise: Float32Array, count: number, onStep?: (done: number, total: number) => void): Promise<Float32Array> {
  let images = noise;
  for (const [index, t] of process.timesteps.entries()) {
    images = nextImages(process, index, images, await denoise(images, t, count));
    onStep?.(index + 1, process.timesteps.length);
  }
  return images;
}

/** One step: the image that `noise` predicts, clipped, with what the clipped one leaves as noise at the next step's strength. `index` counts visited steps. */
export function nextImages({ alphaBar, timesteps, clip }: DiffusionProcess, index: number, images: Float32Array, noise: Float32Array): Float32Array {
  const now = alphaBar[timesteps[index]!]!;
  const next = index + 1 < timesteps.length ? alphaBar[timesteps[index + 1]!]! : 1;
  const [image, spread, nextImage, nextSpread] = [Math.sqrt(now), Math.sqrt(1 - now), Math.sqrt(next), Math.sqrt(1 - next)];
  return images.map((value, i) => {
    const predicted = (value - spread * noise[i]!) / image;
    const clipped = clip === null ? predicted : Math.min(clip, Math.max(-clip, predicted));
    return nextImage * clipped + (nextSpread / spread) * (value - image * clipped);
  });
}
