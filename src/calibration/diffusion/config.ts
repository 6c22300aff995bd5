/** The `--diffusion` JSON: which process a noise-estimating network belongs to, and how its sampler calls it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { UsageError } from '../../errors.js';

/** What a deterministic sampler needs to know. */
export interface DiffusionProcess {
  /** Share of the image's variance that is left at step t, of all steps. */
  readonly alphaBar: Float64Array;
  /** Steps that the sampler visits, the noisiest first. */
  readonly timesteps: readonly number[];
  /** Predicted images are clipped to ±clip; null: not at all. */
  readonly clip: number | null;
}

export interface Diffusion extends DiffusionProcess {
  /** Input with the noisy image. */
  readonly image: string;
  /** Input that says the step. */
  readonly time: string;
  /** .npy whose row t the time input takes at step t; null: it takes t itself. */
  readonly timeTable: string | null;
  /** Of the steps at which calibration samples are taken, as shares of all steps. */
  readonly mean: number;
  readonly deviation: number;
}

const EXAMPLE = '{ "image": "x_t", "time": "t_emb", "timeTable": "embeddings.npy", "betas": { "from": 0.0005, "to": 0.1, "steps": 200 }, "timesteps": 20, "clip": 1 }';

const between = (low: number, high: number, what: string) => v.pipe(v.number(), v.check((x) => x > low && x < high, what));
const share = between(0, 1, 'expected a number between 0 and 1');
const noises = v.pipe(v.array(share), v.minLength(2));
const natural = v.pipe(v.number(), v.integer(), v.minValue(0));
const positive = v.pipe(v.number(), v.check((x) => x > 0, 'expected a positive number'));

const schema = v.strictObject({
  image: v.string(),
  time: v.string(),
  timeTable: v.optional(v.string()),
  /** Variance that step t adds: a list, or a line. */
  betas: v.optional(v.union([noises, v.strictObject({ from: share, to: share, steps: v.pipe(natural, v.minValue(2)) })])),
  alphaBar: v.optional(noises),
  /** How many, evenly spaced, or which ones. */
  timesteps: v.optional(v.union([v.pipe(natural, v.minValue(2)), v.pipe(v.array(natural), v.minLength(1))])),
  clip: v.optional(positive),
  mean: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
  deviation: v.optional(positive),
});

/** The centre lies towards the image and the spread is wide, as in the code of PTQ4DM. */
const DEFAULTS = { mean: 0.4, deviation: 0.4 };

/** Reads the JSON itself, or the file that `inlineOrFile` names; its timeTable is relative to that file. Throws UsageError with an example. */
export function parseDiffusion(inlineOrFile: string): Diffusion {
  const inline = inlineOrFile.trimStart().startsWith('{');
  if (!inline && !existsSync(inlineOrFile)) throw bad(`'${inlineOrFile}' is neither JSON nor a file`);
  let value: unknown;
  try {
    value = JSON.parse(inline ? inlineOrFile : readFileSync(inlineOrFile, 'utf8'));
  } catch (cause) {
    throw bad(`not valid JSON (${cause instanceof Error ? cause.message : String(cause)})`);
  }
  return diffusionFrom(value, inline ? '.' : dirname(inlineOrFile));
}

/** Checks an object of the same form (from a configuration file in `base`). */
export function diffusionFrom(value: unknown, base: string): Diffusion {
  const result = v.safeParse(schema, value);
  if (!result.success) {
    const [issue] = result.issues;
    throw bad(`${issue.path?.map((p) => String(p.key)).join('.') ?? 'the whole'}: ${issue.message}`);
  }
  const { image, time, timeTable, clip, mean, deviation } = result.output;
  const alphaBar = alphaBarOf(result.output);
  const timesteps = visited(result.output.timesteps ?? alphaBar.length, alphaBar.length);
  return { image, time, timeTable: timeTable === undefined ? null : resolve(base, timeTable), alphaBar, timesteps, clip: clip ?? null, mean: mean ?? DEFAULTS.mean, deviation: deviation ?? DEFAULTS.deviation };
}

function alphaBarOf({ betas, alphaBar }: v.InferOutput<typeof schema>): Float64Array {
  if ((betas === undefined) === (alphaBar === undefined)) throw bad('the noise is said by "betas" or by "alphaBar", by one of the two');
  if (alphaBar) {
    if (alphaBar.some((a, t) => t > 0 && a >= alphaBar[t - 1]!)) throw bad('alphaBar must fall from step to step');
    return Float64Array.from(alphaBar);
  }
  const list = Array.isArray(betas) ? betas : line(betas!);
  let left = 1;
  return Float64Array.from(list, (beta) => (left *= 1 - beta));
}

function line({ from, to, steps }: { readonly from: number; readonly to: number; readonly steps: number }): readonly number[] {
  return Array.from({ length: steps }, (_, t) => from + ((to - from) * t) / (steps - 1));
}

/** The noisiest first. */
function visited(given: number | readonly number[], steps: number): readonly number[] {
  const list = typeof given === 'number' ? Array.from({ length: given }, (_, i) => Math.round((i * (steps - 1)) / (given - 1))) : given;
  const sorted = [...list].sort((a, b) => b - a);
  if (sorted.some((t, i) => t === sorted[i - 1])) throw bad(`${list.length} timesteps of ${steps} are not all different`);
  if (sorted[0]! >= steps) throw bad(`the timestep ${sorted[0]} is outside of 0 to ${steps - 1}`);
  return sorted;
}

function bad(what: string): UsageError {
  return new UsageError(`--diffusion: ${what}`, { hint: `for example ${EXAMPLE}` });
}
