/**
 * Calibration samples of PTQ4DM (Shang et al., 2023), normally distributed time-step calibration: every sample has its own step,
 * drawn from a normal distribution, and is what the float sampler makes of Gaussian noise down to that step. The pair keeps the
 * sampler's own step; the released code gives the network the number of the loop's turn instead.
 */
import { createHash } from 'node:crypto';
import type { FloatGraph } from '../../graph/float.js';
import { SeededRandom } from '../../tensor/random.js';
import { createExecutor } from '../executor.js';
import type { SampleSet } from '../types.js';
import type { Diffusion } from './config.js';
import { diffusionNetwork, floatDenoiser } from './network.js';
import { normals, truncatedNormal } from './noise.js';
import { nextImages } from './sampler.js';

export interface TrajectoryOptions {
  readonly count: number;
  readonly seed: number;
  readonly onProgress?: (step: number, steps: number) => void;
}

/** `count` pairs of an image and its step; the same seed gives the same ones. */
export async function trajectorySamples(graph: FloatGraph, diffusion: Diffusion, { count, seed, onProgress }: TrajectoryOptions): Promise<SampleSet> {
  const network = await diffusionNetwork(graph, diffusion);
  const random = new SeededRandom(seed, 0xddd);
  const turns = drawnTurns(random, diffusion, count);
  const noise = normals(random, count * network.imageElements);
  const executor = await createExecutor(graph);
  try {
    const images = await imagesAt(turns, diffusion, network.imageElements, noise, { denoise: floatDenoiser(executor, network), ...(onProgress && { onProgress }) });
    const inputs = network.inputs(images, turns.map((turn) => diffusion.timesteps[turn]!));
    return { count, inputs, codes: new Map(), raw: new Map(), sha256: digestOf(inputs) };
  } finally {
    executor.dispose();
  }
}

/** Which of the visited steps each sample is taken at: the nearest to the number drawn. */
export function drawnTurns(random: SeededRandom, { alphaBar, timesteps, mean, deviation }: Diffusion, count: number): readonly number[] {
  const steps = alphaBar.length;
  return Array.from({ length: count }, () => {
    const drawn = truncatedNormal(random, mean * steps, deviation * steps, 0, steps - 1);
    const distances = timesteps.map((t) => Math.abs(t - drawn));
    return distances.indexOf(Math.min(...distances));
  });
}

interface Walk {
  readonly denoise: ReturnType<typeof floatDenoiser>;
  readonly onProgress?: (step: number, steps: number) => void;
}

/** Every image goes down to its own turn and no further. */
async function imagesAt(turns: readonly number[], diffusion: Diffusion, elements: number, noise: Float32Array, { denoise, onProgress }: Walk): Promise<Float32Array> {
  const images = Float32Array.from(noise);
  const last = Math.max(...turns);
  for (let turn = 0; turn < last; turn++) {
    const left = turns.flatMap((own, sample) => (own > turn ? [sample] : []));
    const current = new Float32Array(left.length * elements);
    left.forEach((sample, i) => current.set(images.subarray(sample * elements, (sample + 1) * elements), i * elements));
    const next = nextImages(diffusion, turn, current, await denoise(current, diffusion.timesteps[turn]!, left.length));
    left.forEach((sample, i) => images.set(next.subarray(i * elements, (i + 1) * elements), sample * elements));
    onProgress?.(turn + 1, last);
  }
  return images;
}

function digestOf(inputs: ReadonlyMap<string, Float32Array | Int32Array>): string {
  const hash = createHash('sha256');
  for (const [name, { buffer, byteOffset, byteLength }] of inputs) hash.update(name).update(new Uint8Array(buffer, byteOffset, byteLength));
  return hash.digest('hex');
}
