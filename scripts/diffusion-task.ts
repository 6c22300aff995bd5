/** The diffusion model of the benchmarks with its data: sets to calibrate with, and how good what it draws is. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { createSimulator } from '../sim/index.js';
import { createExecutor, loadLabels, loadSamples, meanSquaredError, type SampleSet, trajectorySamples } from '../src/calibration/index.js';
import { diffusionFrom, diffusionNetwork, type Diffusion, type DiffusionNetwork, type Denoiser, floatDenoiser, normals, sampleImages } from '../src/calibration/diffusion/index.js';
import { loadModel } from '../src/frontends/index.js';
import type { FloatGraph } from '../src/graph/float.js';
import { integerTensor, type IntegerGraph } from '../src/graph/integer.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { SeededRandom } from '../src/tensor/random.js';
import { encodeSamples, realValues, sampleAt } from '../src/simulation/encode.js';
import { frechetDistance } from './frechet.js';

const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
const model = (name: string): string => join(bench, 'models', name);
const data = (name: string): string => join(bench, 'data', `${name}.npy`);

/** Images drawn for every row: those whose noise is stored, and as many more. */
const DRAWN = 128;
/** Every calibration set has so many samples; real images are 200. */
const CALIBRATION = 256;
const PEAK = 2;

export interface Rating {
  /** Of the noise on the held-back digits. */
  readonly noiseMse: number;
  /** Of the images drawn, against the float sampler's from the same noise. */
  readonly imageMse: number;
  readonly imagePsnrDb: number;
  /** What the classifier thinks of them. */
  readonly confidence: number;
  readonly confident: number;
  readonly frechet: number;
}

export interface DiffusionTask {
  readonly float: FloatGraph;
  readonly calibration: (set: CalibrationName) => Promise<SampleSet>;
  /** `graph`: null rates the float network. */
  readonly rate: (graph: IntegerGraph | null, note: (text: string) => void) => Promise<Rating>;
}

export type CalibrationName = 'ptq4dm' | 'uniform' | 'noised' | 'images' | 'gaussian';

async function real(name: string): Promise<Float32Array> {
  return Float32Array.from((await loadLabels(data(name))).data);
}

export async function diffusionTask(): Promise<DiffusionTask> {
  const float = optimizeFloatGraph(await loadModel(model('ddpm_mnist16_unet.onnx'))).graph;
  const { schedule, sampler } = JSON.parse(readFileSync(model('ddpm_mnist16_unet.json'), 'utf8')) as { schedule: { beta: number[] }; sampler: { timesteps_used: number[] } };
  const diffusion = diffusionFrom({ image: 'x_t', time: 't_emb', timeTable: data('ddpm_t_embedding_table'), betas: schedule.beta, timesteps: sampler.timesteps_used, clip: 1 }, '.');
  const network = await diffusionNetwork(float, diffusion);
  const executor = await createExecutor(float);
  const floatNetwork = floatDenoiser(executor, network);
  const held = await loadSamples([`x_t=${data('ddpm_dev_400_x_t')}`, `t_emb=${data('ddpm_dev_400_t_emb')}`], float);
  const noise = await startingNoise(network);
  let drawnByFloat: Promise<Float32Array> | undefined;
  return {
    float,
    calibration: (set) => calibrationSet(set, float, diffusion, network),
    rate: async (graph, note) => {
      const denoise = graph ? integerDenoiser(graph, network) : floatNetwork;
      const noiseOf = graph ? await simulated(graph, held) : (await executor.run(held.inputs, held.count)).get(float.outputs[0]!.tensor)!;
      drawnByFloat ??= sampleImages(diffusion, floatNetwork, noise, DRAWN);
      const reference = await drawnByFloat;
      const images = graph ? await sampleImages(diffusion, denoise, noise, DRAWN, (step, steps) => note(`step ${step} of ${steps}`)) : reference;
      const imageMse = meanSquaredError(images, reference);
      return { noiseMse: meanSquaredError(noiseOf, await real('ddpm_dev_400_eps')), imageMse, imagePsnrDb: 10 * Math.log10(PEAK ** 2 / imageMse), ...(await judged(images)) };
    },
  };
}

async function startingNoise({ imageElements }: DiffusionNetwork): Promise<Float32Array> {
  const stored = await real('ddpm_xT_64');
  return Float32Array.from([...stored, ...normals(new SeededRandom(64), DRAWN * imageElements - stored.length)]);
}

async function calibrationSet(set: CalibrationName, float: FloatGraph, diffusion: Diffusion, { imageElements, inputs }: DiffusionNetwork): Promise<SampleSet> {
  if (set === 'ptq4dm') return trajectorySamples(float, diffusion, { count: CALIBRATION, seed: 0 });
  if (set === 'uniform') return trajectorySamples(float, { ...diffusion, mean: 0.5, deviation: 10 }, { count: CALIBRATION, seed: 0 });
  const random = new SeededRandom(5);
  const given = (images: Float32Array, steps: readonly number[]): SampleSet => ({ count: steps.length, inputs: inputs(images, steps), codes: new Map(), raw: new Map(), sha256: set });
  const last = diffusion.alphaBar.length - 1;
  if (set === 'gaussian') return given(normals(random, CALIBRATION * imageElements), new Array<number>(CALIBRATION).fill(last));
  const images = (await real('mnist16_calib_200_x')).map((x) => x / 127.5 - 1);
  const steps = Array.from({ length: images.length / imageElements }, () => (set === 'images' ? 0 : random.below(last + 1)));
  if (set === 'images') return given(images, steps);
  const noise = normals(random, images.length);
  return given(images.map((x, i) => Math.sqrt(diffusion.alphaBar[steps[Math.floor(i / imageElements)]!]!) * x + Math.sqrt(1 - diffusion.alphaBar[steps[Math.floor(i / imageElements)]!]!) * noise[i]!), steps);
}

async function simulated(graph: IntegerGraph, samples: SampleSet): Promise<Float32Array> {
  const encoded = encodeSamples(graph, samples);
  const simulator = createSimulator(graph);
  const output = integerTensor(graph, graph.outputs[0]!.tensor);
  return Float32Array.from(Array.from({ length: samples.count }, (_, i) => [...realValues(output, simulator.run(sampleAt(graph, encoded, i))[0]!)]).flat());
}

/** The integers in the sampler's loop: real images in, real noise out, as firmware's caller does it. */
function integerDenoiser(graph: IntegerGraph, { inputs }: DiffusionNetwork): Denoiser {
  return (images, t, count) => simulated(graph, { count, inputs: inputs(images, new Array<number>(count).fill(t)), codes: new Map(), raw: new Map(), sha256: '' });
}

interface Judged {
  readonly logits: Float32Array;
  readonly features: Float32Array;
}

/** Of images in [−1, 1]. */
async function classified(images: Float32Array): Promise<Judged> {
  const { graph } = optimizeFloatGraph(await loadModel(model('mnist16_classifier.onnx')));
  const executor = await createExecutor(graph);
  const count = images.length / 256;
  const results = await executor.run(new Map([[graph.inputs[0]!.name, images]]), count);
  executor.dispose();
  const named = (name: string): Float32Array => results.get(graph.outputs.find((port) => port.name === name)!.tensor)!;
  return { logits: named('logits'), features: named('features') };
}

let digits: Promise<Judged> | undefined;

async function judged(images: Float32Array): Promise<Pick<Rating, 'confidence' | 'confident' | 'frechet'>> {
  digits ??= real('mnist16_dev_400_x').then((pixels) => classified(pixels.map((x) => x / 127.5 - 1)));
  const { logits, features } = await classified(images);
  const confidences = confidencesOf(logits);
  return {
    confidence: confidences.reduce((sum, c) => sum + c, 0) / confidences.length,
    confident: confidences.filter((c) => c > 0.9).length / confidences.length,
    frechet: frechetDistance(features, (await digits).features, 64),
  };
}

/** Largest probability of each row of ten logits. */
function confidencesOf(logits: Float32Array): readonly number[] {
  return Array.from({ length: logits.length / 10 }, (_, i) => {
    const row = [...logits.subarray(10 * i, 10 * (i + 1))];
    const most = Math.max(...row);
    return 1 / row.reduce((sum, v) => sum + Math.exp(v - most), 0);
  });
}
