/** Diffusion models: the sampler against closed forms, calibration pairs against single walks, the small network's integers. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, loadLabels, sqnrDb } from '../../src/calibration/index.js';
import { encodeNpy } from '../../src/calibration/data/write-npy.js';
import { diffusionFrom, diffusionNetwork, floatDenoiser, normals, parseDiffusion, sampleImages, trajectorySamples } from '../../src/calibration/diffusion/index.js';
import { drawnTurns } from '../../src/calibration/diffusion/trajectories.js';
import { nextImages } from '../../src/calibration/diffusion/sampler.js';
import { CalibrationError, UsageError } from '../../src/errors.js';
import { integerValues } from '../../src/evaluation.js';
import { loadModel } from '../../src/frontends/index.js';
import { checkCombinations } from '../../src/option-checks.js';
import { resolveOptions } from '../../src/options.js';
import { optimizeFloatGraph } from '../../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../../src/passes/integer/index.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { SeededRandom } from '../../src/tensor/random.js';
import { encodeSamples, sampleAt } from '../../src/simulation/encode.js';
import { benchDirectory, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { tinyUnet } from '../support/tiny-unet.js';

const test = suite('diffusion models');
const STEPS = 20;
const PLAIN = { image: 'x', time: 'time', betas: { from: 0.001, to: 0.3, steps: STEPS } };
const folder = mkdtempSync(join(tmpdir(), 'diffusion-'));
const timeTable = join(folder, 'times.npy');
const times = Float32Array.from({ length: 2 * STEPS }, (_, i) => (i % 2 === 0 ? Math.sin(i / 4) : Math.cos(i / 4)));
writeFileSync(timeTable, encodeNpy(times, [STEPS, 2]));
test.after(() => rmSync(folder, { recursive: true }));

function refused(work: () => unknown, kind: typeof UsageError | typeof CalibrationError, message: RegExp): void {
  assert.throws(work, (error: unknown) => error instanceof kind && message.test(error.message));
}

async function refusedLater(work: () => Promise<unknown>, message: RegExp): Promise<void> {
  const error = await work().then(() => null, (e: unknown) => e);
  assert.instance(error, CalibrationError);
  assert.match((error as CalibrationError).message, message);
}

test('the configuration: noise by betas or by alphaBar, steps by number or by list', () => {
  const { alphaBar, timesteps, clip, mean, deviation } = diffusionFrom({ ...PLAIN, timesteps: 5 }, '.');
  assert.is(alphaBar.length, STEPS);
  let left = 1;
  for (let t = 0; t < STEPS; t++) {
    left *= 1 - (0.001 + (t * 0.299) / 19);
    assert.ok(Math.abs(alphaBar[t]! - left) < 1e-12);
  }
  assert.equal([...timesteps], [19, 14, 10, 5, 0]);
  assert.equal([clip, mean, deviation], [null, 0.4, 0.4]);
  const given = diffusionFrom({ image: 'x', time: 'time', alphaBar: [0.9, 0.5, 0.1], timesteps: [0, 2] }, '.');
  assert.equal([[...given.alphaBar], [...given.timesteps]], [[0.9, 0.5, 0.1], [2, 0]]);
  const file = join(folder, 'process.json');
  writeFileSync(file, JSON.stringify({ ...PLAIN, timeTable: 'times.npy' }));
  assert.is(parseDiffusion(file).timeTable, timeTable);
});

test('a configuration that says too little or too much is refused by field', () => {
  const wrong = (fields: object, message: RegExp) => refused(() => diffusionFrom({ ...PLAIN, ...fields }, '.'), UsageError, message);
  wrong({ betas: undefined }, /"betas" or by "alphaBar"/);
  wrong({ alphaBar: [0.9, 0.5] }, /by one of the two/);
  wrong({ betas: undefined, alphaBar: [0.5, 0.9] }, /alphaBar must fall/);
  wrong({ timesteps: [0, 0] }, /not all different/);
  wrong({ timesteps: [20] }, /the timestep 20 is outside of 0 to 19/);
  wrong({ clip: -1 }, /clip: expected a positive number/);
  wrong({ noise: 1 }, /noise/);
  refused(() => parseDiffusion('nothing.json'), UsageError, /neither JSON nor a file/);
});

test('the method and the option belong together', () => {
  const options = (given: object) => resolveOptions({ model: 'model.onnx', target: 'host', ...given });
  refused(() => checkCombinations(options({ method: 'ptq4dm', calib: 'x.npy' })), UsageError, /ptq4dm takes its calibration samples from the sampler/);
  refused(() => checkCombinations(options({ diffusion: '{}', calib: 'x.npy' })), UsageError, /--calib and --diffusion/);
  checkCombinations(options({ method: 'ptq4dm', diffusion: '{}' }));
  checkCombinations(options({ method: 'brecq', diffusion: '{}' }));
});

/** Knows the one image that there is. */
const knowing = (image: number, { alphaBar }: { readonly alphaBar: Float64Array }) => (images: Float32Array, t: number) =>
  Promise.resolve(images.map((x) => (x - Math.sqrt(alphaBar[t]!) * image) / Math.sqrt(1 - alphaBar[t]!)));

test('a network that knows the image draws the image, on the closed form of the way', async () => {
  const process = diffusionFrom({ ...PLAIN, timesteps: 7 }, '.');
  const noise = normals(new SeededRandom(1), 50);
  for (const v of await sampleImages(process, knowing(0.625, process), noise, 1)) assert.ok(Math.abs(v - 0.625) < 1e-5);
  const [now, next] = [process.alphaBar[19]!, process.alphaBar[16]!];
  const moved = nextImages(process, 0, noise, await knowing(0.625, process)(noise, 19));
  noise.forEach((x, i) => {
    const eps = (x - Math.sqrt(now) * 0.625) / Math.sqrt(1 - now);
    assert.ok(Math.abs(moved[i]! - (Math.sqrt(next) * 0.625 + Math.sqrt(1 - next) * eps)) < 1e-5);
  });
  const clipped = { ...process, clip: 0.5 };
  for (const v of await sampleImages(clipped, knowing(0.625, process), noise, 1)) assert.ok(Math.abs(v - 0.5) < 1e-5);
});

test('steps are normally distributed, within the steps, and the seed decides them', () => {
  const diffusion = diffusionFrom({ ...PLAIN, betas: { from: 1e-4, to: 0.02, steps: 1000 }, mean: 0.4, deviation: 0.1 }, '.');
  const steps = drawnTurns(new SeededRandom(3), diffusion, 4000).map((turn) => diffusion.timesteps[turn]!);
  const mean = steps.reduce((sum, t) => sum + t, 0) / steps.length;
  const deviation = Math.sqrt(steps.reduce((sum, t) => sum + (t - mean) ** 2, 0) / steps.length);
  assert.ok(Math.abs(mean - 400) < 6 && Math.abs(deviation - 100) < 5, `${mean} ${deviation}`);
  const inside = steps.filter((t) => Math.abs(t - 400) < 100).length / steps.length;
  assert.ok(Math.abs(inside - 0.683) < 0.03, String(inside));
  const wide = drawnTurns(new SeededRandom(3), { ...diffusion, deviation: 5 }, 2000).map((turn) => diffusion.timesteps[turn]!);
  for (let part = 0; part < 4; part++) assert.ok(Math.abs(wide.filter((t) => Math.floor(t / 250) === part).length - 500) < 80);
  assert.equal(drawnTurns(new SeededRandom(3), diffusion, 50), drawnTurns(new SeededRandom(3), diffusion, 50));
  assert.not.equal(drawnTurns(new SeededRandom(4), diffusion, 50), drawnTurns(new SeededRandom(3), diffusion, 50));
});

const diffusion = diffusionFrom({ ...PLAIN, timeTable, timesteps: 8, clip: 1.5 }, '.');
const float = optimizeFloatGraph(tinyUnet()).graph;

test('every pair is the image of its own walk at the step that the network is told', async () => {
  const COUNT = 12;
  const samples = await trajectorySamples(float, diffusion, { count: COUNT, seed: 5 });
  const random = new SeededRandom(5, 0xddd);
  const turns = drawnTurns(random, diffusion, COUNT);
  assert.ok(new Set(turns).size > 3);
  const noise = normals(random, COUNT * 64);
  const executor = await createExecutor(float);
  const denoise = floatDenoiser(executor, await diffusionNetwork(float, diffusion));
  for (let sample = 0; sample < COUNT; sample++) {
    let image: Float32Array = noise.slice(64 * sample, 64 * (sample + 1));
    for (let turn = 0; turn < turns[sample]!; turn++) image = nextImages(diffusion, turn, image, await denoise(image, diffusion.timesteps[turn]!, 1));
    const t = diffusion.timesteps[turns[sample]!]!;
    assert.equal([...samples.inputs.get('time')!.subarray(2 * sample, 2 * sample + 2)], [times[2 * t], times[2 * t + 1]]);
    samples.inputs.get('x')!.subarray(64 * sample, 64 * (sample + 1)).forEach((v, i) => assert.ok(Math.abs(v - image[i]!) < 1e-4));
  }
  executor.dispose();
  assert.is((await trajectorySamples(float, diffusion, { count: COUNT, seed: 5 })).sha256, samples.sha256);
  assert.is.not((await trajectorySamples(float, diffusion, { count: COUNT, seed: 6 })).sha256, samples.sha256);
});

test('inputs that are not there or do not fit are named', async () => {
  const network = (fields: object) => () => diffusionNetwork(float, { ...diffusion, ...fields });
  await refusedLater(network({ image: 'y' }), /no input 'y'/);
  await refusedLater(network({ time: 'x' }), /an image and a time/);
  await refusedLater(network({ timeTable: null }), /'time' takes 2 values a step/);
  await refusedLater(network({ alphaBar: new Float64Array(21) }), /has 20 rows for 21 steps/);
  await refusedLater(network({ image: 'time', time: 'x' }), /not the noise of 'time'/);
});

test('the small network in integers: near the float one, and bit-exact on firmware', async () => {
  const samples = await trajectorySamples(float, diffusion, { count: 32, seed: 0 });
  const calibration = await calibrate(float, samples, { observer: 'mse', bits: 8 });
  const graph = optimizeIntegerGraph(lowerGraph(float, planQuantization(float, calibration, { method: 'ptq4dm', bits: 'w8a8', seed: 0 }), {})).graph;
  const executor = await createExecutor(float);
  const real = (await executor.run(samples.inputs, samples.count)).get(float.outputs[0]!.tensor)!;
  executor.dispose();
  const noise = sqnrDb(real, await integerValues(graph, samples, { metric: 'mse', output: null }));
  assert.ok(noise > 20, `${noise} dB`);
  const encoded = encodeSamples(graph, samples);
  await expectFirmwareMatchesSimulator([{ name: 'tiny U-Net', graph, inputs: [0, 1, 2].map((i) => sampleAt(graph, encoded, i)) }], ['host', 'cortex-m7', 'rv32imc']);
});

test("the sampler equals the reference's on the network of the benchmarks", async () => {
  const bench = benchDirectory();
  if (!bench) return leftOut(1, 'the sampler on ddpm_mnist16_unet');
  const COUNT = 4;
  const data = (name: string): string => join(bench, 'data', `${name}.npy`);
  const process = diffusionFrom({ image: 'x_t', time: 't_emb', timeTable: data('ddpm_t_embedding_table'), betas: { from: 0.0005, to: 0.1, steps: 200 }, timesteps: [199, ...Array.from({ length: 20 }, (_, i) => 190 - 10 * i)], clip: 1 }, '.');
  const { graph } = optimizeFloatGraph(await loadModel(join(bench, 'models/ddpm_mnist16_unet.onnx')));
  const executor = await createExecutor(graph);
  const [noise, expected] = await Promise.all(['ddpm_xT_64', 'ddpm_ddim_ref_64'].map(async (name) => Float32Array.from((await loadLabels(data(name))).data).subarray(0, COUNT * 256)));
  const drawn = await sampleImages(process, floatDenoiser(executor, await diffusionNetwork(graph, process)), noise!, COUNT);
  executor.dispose();
  drawn.forEach((v, i) => assert.ok(Math.abs(v - expected![i]!) < 1e-3, `element ${i} is ${v}, not ${expected![i]}`));
});

test.run();
