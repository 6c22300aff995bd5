/** Options of the road: defaults, the config file, the command line; the command line wins. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import * as v from 'valibot';
import { UsageError } from './errors.js';
import { TRANSFORMER_FUNCTIONS } from './operators/shift-functions.js';
import { packageRoot } from './package-root.js';
import { isAuto } from './quantization/mixed/budget.js';
import type { ScheduleOptions } from './schedule/index.js';

export const CONFIG_FILE = 'ptq-gen.config.json';

const choice = <const T extends readonly string[]>(values: T) => v.picklist(values, `expected one of ${values.join(', ')}`);
const positive = v.pipe(v.number(), v.integer(), v.minValue(1));
const fileList = v.union([v.string(), v.array(v.string())]);
const fraction = v.union([v.number(), v.string()]);
const preprocess = v.union([
  v.string(),
  v.strictObject({
    scale: v.optional(fraction),
    mean: v.optional(v.array(fraction)),
    std: v.optional(v.array(fraction)),
    layout: v.optional(v.nullable(choice(['nhwc', 'nchw']))),
  }),
]);

/** Everything that the command line or ptq-gen.config.json may say; names as on the command line, camel case. */
const optionsSchema = v.strictObject({
  model: v.optional(v.string()),
  target: v.optional(v.union([v.string(), v.array(v.string())])),
  kernels: v.optional(v.string()),
  cmsisNn: v.optional(v.string()),
  optimize: v.optional(choice(['speed', 'ram', 'flash'])),
  weights: v.optional(choice(['int8', 'int16', 'packed'])),
  winograd: v.optional(v.boolean()),
  flashBudget: v.optional(positive),
  calib: v.optional(fileList),
  eval: v.optional(fileList),
  labels: v.optional(v.string()),
  metric: v.optional(choice(['top1', 'mse', 'sqnrDb', 'miou'])),
  output: v.optional(v.string()),
  preprocess: v.optional(preprocess),
  diffusion: v.optional(v.union([v.string(), v.record(v.string(), v.unknown())])),
  method: v.optional(v.string()),
  observer: v.optional(choice(['min-max', 'percentile', 'mse', 'kl'])),
  biasCorrection: v.optional(v.boolean()),
  equalize: v.optional(v.boolean()),
  migrateOutliers: v.optional(v.boolean()),
  bits: v.optional(v.string()),
  budget: v.optional(v.string()),
  sensitivity: v.optional(choice(['measured', 'hessian'])),
  edgeBits: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(8))),
  /** Layer → wNaM. */
  layerBits: v.optional(v.record(v.string(), v.string())),
  iterations: v.optional(positive),
  resume: v.optional(v.boolean()),
  arith: v.optional(v.string()),
  terms: v.optional(choice(['1', '2', '3', '4', 'auto'])),
  transformerFunctions: v.optional(choice(TRANSFORMER_FUNCTIONS)),
  vectors: v.optional(positive),
  out: v.optional(v.string()),
  json: v.optional(v.string()),
  html: v.optional(v.string()),
  junit: v.optional(v.string()),
  maxRam: v.optional(positive),
  maxFlash: v.optional(positive),
  maxInstructions: v.optional(positive),
  minAccuracy: v.optional(v.number()),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0))),
  samples: v.optional(positive),
  keepInput: v.optional(v.boolean()),
  wrapper: v.optional(v.boolean()),
  fold: v.optional(v.boolean()),
  dump: v.optional(v.boolean()),
  run: v.optional(v.boolean()),
  build: v.optional(v.boolean()),
});

export type GivenOptions = v.InferOutput<typeof optionsSchema>;

export interface RoadOptions extends GivenOptions {
  readonly model: string;
  readonly targets: readonly string[];
  readonly kernels: string;
  readonly optimize: 'speed' | 'ram' | 'flash';
  readonly weights: 'int8' | 'int16' | 'packed';
  readonly winograd: boolean;
  readonly metric: 'top1' | 'mse' | 'sqnrDb' | 'miou';
  readonly method: string;
  readonly observer: 'min-max' | 'percentile' | 'mse' | 'kl';
  readonly bits: string;
  readonly sensitivity: 'measured' | 'hessian';
  readonly vectors: number;
  readonly seed: number;
  readonly keepInput: boolean;
  readonly wrapper: boolean;
  readonly fold: boolean;
  readonly dump: boolean;
  readonly run: boolean;
  readonly build: boolean;
}

/** The model and data that `ptq-gen --target …` takes when no model is named. */
export function sampleConfig(): string {
  return join(packageRoot(), 'firmware-samples', 'shapes', CONFIG_FILE);
}

function check(value: unknown, where: string): GivenOptions {
  const result = v.safeParse(optionsSchema, value);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = issue.path?.map((p) => String(p.key)).join('.') ?? '';
  throw new UsageError(`${where}: option '${path}': ${issue.message}`, { hint: "see 'ptq-gen --help' for the options and their values" });
}

const PATHS = ['model', 'cmsisNn', 'calib', 'eval', 'labels', 'out', 'json', 'html', 'junit'] as const;

/** Paths in a config file are relative to the file. `name=path` entries of several inputs keep their name. */
function resolvePath(path: string, base: string): string {
  const named = /^([\w.:/-]+)=(.+)$/.exec(path);
  return named ? `${named[1]}=${resolve(base, named[2]!)}` : path === '-' ? path : resolve(base, path);
}

function readConfig(file: string): GivenOptions {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new UsageError(`the config file ${file} cannot be read: ${(cause as Error).message}`, { cause, hint: 'it must be a JSON object of options' });
  }
  const given = check(parsed, file) as Record<string, unknown>;
  const base = dirname(file);
  const out: Record<string, unknown> = { ...given };
  for (const key of PATHS) {
    const value = given[key];
    if (typeof value === 'string') out[key] = resolvePath(value, base);
    else if (Array.isArray(value)) out[key] = value.map((p) => resolvePath(String(p), base));
  }
  if (typeof given['preprocess'] === 'string' && !given['preprocess'].trim().startsWith('{')) out['preprocess'] = resolvePath(given['preprocess'], base);
  const { diffusion } = given as GivenOptions;
  if (typeof diffusion === 'string' && !diffusion.trim().startsWith('{')) out['diffusion'] = resolvePath(diffusion, base);
  else if (typeof diffusion === 'object' && typeof diffusion['timeTable'] === 'string') out['diffusion'] = { ...diffusion, timeTable: resolvePath(diffusion['timeTable'], base) };
  return out as GivenOptions;
}

function withoutUndefined(options: GivenOptions): GivenOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as GivenOptions;
}

/** Merges config file and command line; without any model the bundled sample's config is the base. */
export function resolveOptions(commandLine: GivenOptions, configFile?: string): RoadOptions {
  const local = configFile ?? (existsSync(CONFIG_FILE) ? resolve(CONFIG_FILE) : undefined);
  const given = { ...(local ? readConfig(local) : {}), ...withoutUndefined(check(withoutUndefined(commandLine), 'command line')) };
  const base = given.model === undefined ? { ...readConfig(sampleConfig()), ...given } : given;
  const targets = typeof base.target === 'string' ? base.target.split(',').map((t) => t.trim()).filter(Boolean) : (base.target ?? []);
  return {
    ...base,
    model: base.model!,
    targets: [...new Set(targets)],
    kernels: base.kernels ?? 'auto',
    optimize: base.optimize ?? 'speed',
    // Widths are searched for what they save in flash.
    weights: base.weights ?? (isAuto(base.bits ?? '') ? 'packed' : 'int8'),
    winograd: base.winograd ?? false,
    metric: base.metric ?? 'top1',
    method: base.method ?? 'nearest',
    observer: base.observer ?? 'mse',
    bits: base.bits ?? 'w8a8',
    sensitivity: base.sensitivity ?? 'measured',
    vectors: base.vectors ?? 16,
    seed: base.seed ?? 0,
    keepInput: base.keepInput ?? false,
    wrapper: base.wrapper ?? false,
    fold: base.fold ?? true,
    dump: base.dump ?? false,
    run: base.run ?? true,
    build: base.build ?? true,
  };
}

/** Folders of the libraries that the user named, by the libraries' names. */
export function checkoutsOf({ cmsisNn }: Pick<GivenOptions, 'cmsisNn'>): Readonly<Record<string, string>> {
  return cmsisNn === undefined ? {} : { 'cmsis-nn': cmsisNn };
}

/** What the options say about kernels, layouts and memory. */
export function scheduleOptionsOf({ kernels, optimize, weights, winograd, flashBudget, maxRam, keepInput }: RoadOptions): ScheduleOptions {
  return { kernels, optimize, weights, winograd, flashBudget: flashBudget ?? null, ...(maxRam !== undefined && { ramBudget: maxRam }), keepInput };
}
