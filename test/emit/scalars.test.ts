/** TypeScript and its C translation must agree on every scalar function: corners and random values inside the stated preconditions. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { ProjectManifest } from '../../src/emit/manifest.js';
import { packageRoot } from '../../src/package-root.js';
import { cName } from '../../src/emit/scalar-translator.js';
import { scalarLibrary, translateScalars } from '../../src/emit/scalars.js';
import { buildProgram, missingTools, runBuild } from '../../src/toolchains/index.js';
import { findTarget } from '../../src/targets/index.js';
import { leftOut } from '../support/bench.js';

const test = suite('emit/scalars');
const SAMPLES = 512;
const folder = join(packageRoot(), 'sim', 'scalar');
const library = scalarLibrary();
const names = library.functionNames().filter((name) => !name.startsWith('clz'));

type Value = number | bigint;
type Range = readonly [bigint, bigint];
interface Case {
  readonly name: string;
  /** One list a parameter. */
  readonly inputs: readonly (readonly Value[])[];
  readonly expected: readonly Value[];
}

const MOST = 2n ** 31n - 1n;
const CODES: Range = [-1024n, 1023n];
const UNIT: Range = [0n, MOST];

/** Preconditions that a comment states in another way than `low ≤ name ≤ high`, or that bind two parameters. */
const DOMAINS: Readonly<Record<string, Readonly<Record<string, Range>>>> = {
  tfliteAddTerm: { x: CODES, zeroPoint: CODES, shift: [-31n, 0n] },
  tfliteAddTermSingle: { x: CODES, zeroPoint: CODES, shift: [-31n, 0n] },
  averageHalfAway: { sum: [-(2n ** 30n), 2n ** 30n], count: [1n, 2n ** 30n - 1n] },
  expNearZero: { a: [-(2n ** 29n), -1n] },
  expFactor: { bit: [0n, 40n], remainder: UNIT },
  expOnNegative: { a: [-(2n ** 31n), 0n], integerBits: [4n, 5n] },
  oneOverOnePlus: { a: UNIT },
  oneMinusOverOnePlus: { a: UNIT },
  tfliteSoftmaxExp: { difference: [-1024n, 0n], shift: [-31n, 20n] },
  tfliteSoftmaxExpSingle: { difference: [-1024n, 0n], shift: [-31n, 20n] },
  tfliteSoftmaxTerm: { exponential: UNIT },
  tfliteSoftmaxReciprocal: { sum: [2n ** 19n, MOST] },
  tfliteSoftmaxCode: { exponential: UNIT, reciprocal: UNIT, sum: [2n ** 19n, MOST] },
  layerNormMean: { sum: [-(2n ** 20n), 2n ** 20n], depth: [1n, 4096n], fraction: [0n, 7n] },
  layerNormSquares: { squares: [0n, 2n ** 30n], sum: [-(2n ** 17n), 2n ** 17n], mean: [-(2n ** 15n), 2n ** 15n], depth: [1n, 4096n], fraction: [0n, 7n] },
  layerNormShift: { squares: [0n, 2n ** 46n] },
  layerNormReciprocal: { squares: [2n ** 30n, 2n ** 32n - 1n], shift: [0n, 0n] },
  layerNormShare: { deviation: [1n - 2n ** 14n, 2n ** 14n - 1n], reciprocal: [1n, 2n ** 16n], shift: [-8n, 15n] },
  layerNormMeanByBits: { sum: [-(2n ** 20n), 2n ** 20n], depth: [1n, 4096n], fraction: [0n, 7n] },
  layerNormSquaresByBits: { squares: [0n, 2n ** 30n], sum: [-(2n ** 17n), 2n ** 17n], mean: [-(2n ** 15n), 2n ** 15n], depth: [1n, 4096n], fraction: [0n, 7n] },
  layerNormShiftByBits: { squares: [0n, 2n ** 46n] },
  layerNormReciprocalByBits: { squares: [2n ** 18n, 2n ** 32n - 1n], shift: [0n, 6n] },
  shiftDistance: { distance: [0n, 2n ** 30n], places: [-15n, 15n], limit: [1n, 2n ** 13n] },
  shiftExponential: { distance: [0n, 2n ** 13n], unit: [128n, 256n], bits: [10n, 15n] },
  shiftShare: { part: [0n, 2n ** 20n], whole: [2n ** 20n, 2n ** 30n], bits: [0n, 15n] },
  softmaxShare: { exponential: [0n, 2n ** 20n - 1n], steps: [1n, 511n], sum: [1n, 2n ** 30n - 1n] },
  twinShare: { share: [0n, 8192n], split: [1n, 8191n], shift: [1n, 15n] },
};

const sources = readdirSync(folder).filter((f) => f.endsWith('.ts')).map((f) => readFileSync(join(folder, f), 'utf8'));

/** `0 ≤ n ≤ 31`, `|x| < 2^47`, `count ≥ 1` in the comment of a function are its preconditions; DOMAINS adds the rest. */
function rangesOf(name: string): ReadonlyMap<string, Range> {
  const source = sources.find((s) => new RegExp(`function ${name}\\(`).test(s))!;
  const head = source.slice(0, source.indexOf(`function ${name}(`));
  const doc = head.slice(head.lastIndexOf('/**')).replace(/−/g, '-').replace(/\n \*/g, '');
  const number = String.raw`(-?\d+(?:\^\d+)?(?: - 1)?)`;
  const ranges = new Map<string, Range>(Object.entries(DOMAINS[name] ?? {}));
  for (const [, low, parameter, high] of doc.matchAll(new RegExp(`${number} ≤ (\\w+) ≤ ${number}`, 'g'))) ranges.set(parameter!, [toBig(low!), toBig(high!)]);
  for (const [, low, parameter, high] of doc.matchAll(new RegExp(`${number} ≤ (\\w+) < ${number}`, 'g'))) ranges.set(parameter!, [toBig(low!), toBig(high!) - 1n]);
  for (const [, parameter, bound] of doc.matchAll(new RegExp(`\\|(\\w+)\\| < ${number}`, 'g'))) ranges.set(parameter!, [1n - toBig(bound!), toBig(bound!) - 1n]);
  for (const [, parameter, relation, bound] of doc.matchAll(/(\w+) (>|≥) (\d+)(?![\d^])/g)) if (!ranges.has(parameter!)) ranges.set(parameter!, [toBig(bound!) + (relation === '>' ? 1n : 0n), 2n ** 31n - 1n]);
  return ranges;
}

function toBig(text: string): bigint {
  const [, base, exponent, minusOne] = /^(-?\d+)(?:\^(\d+))?( - 1)?$/.exec(text)!;
  return (exponent ? BigInt(base!) ** BigInt(exponent) : BigInt(base!)) - (minusOne ? 1n : 0n);
}

let state = 12345n;
function random(bits: number): bigint {
  state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
  return BigInt.asIntN(bits, state >> (64n - BigInt(bits)));
}

function sample(type: string, range: Range | undefined, i: number): bigint {
  const bits = type === 'i64' ? 64 : 32;
  const [low, high] = range ?? [-(1n << BigInt(bits - 1)), (1n << BigInt(bits - 1)) - 1n];
  const corners = [low, high, low + 1n, high - 1n, 0n, 1n, -1n, (low + high) / 2n].filter((v) => v >= low && v <= high);
  if (i < 128) return corners[Number(BigInt.asUintN(32, random(32))) % corners.length]!;
  // Every magnitude is as likely as any other.
  const value = random(bits) >> BigInt(Number(BigInt.asUintN(16, random(16))) % bits);
  const span = high - low + 1n;
  return value >= low && value <= high ? value : low + (((value - low) % span) + span) % span;
}

function parameterNames(name: string): readonly string[] {
  const source = sources.find((s) => new RegExp(`function ${name}\\(`).test(s))!;
  const [, list] = new RegExp(`function ${name}\\(([^)]*)\\)`).exec(source)!;
  return list!.split(',').map((p) => p.split(':')[0]!.trim()).filter((p) => p !== '');
}

/** The same for every target. */
let allCases: Promise<readonly Case[]> | undefined;

async function casesOf(): Promise<readonly Case[]> {
  const modules = await Promise.all(readdirSync(folder).filter((f) => f.endsWith('.ts')).map((f) => import(join(folder, f)) as Promise<Record<string, (...args: Value[]) => Value | boolean>>));
  return names.flatMap((name) => {
    const f = modules.map((m) => m[name]).find((candidate) => candidate !== undefined);
    return f ? [caseOf(name, f)] : [];
  });
}

function caseOf(name: string, f: (...args: Value[]) => Value | boolean): Case {
  const { parameters } = library.signature(name);
  const ranges = rangesOf(name);
  const labels = parameterNames(name);
  const inputs: Value[][] = parameters.map(() => []);
  for (let i = 0; i < SAMPLES; i++) {
    const row = parameters.map((type, p) => sample(type, type === 'bool' ? [0n, 1n] : ranges.get(labels[p]!), i));
    const [low, high] = [labels.indexOf('low'), labels.indexOf('high')];
    if (low >= 0 && high >= 0 && row[low]! > row[high]!) [row[low], row[high]] = [row[high]!, row[low]!];
    row.forEach((v, p) => inputs[p]!.push(parameters[p] === 'i64' ? v : Number(v)));
  }
  const expected = Array.from({ length: SAMPLES }, (_, i) => {
    const result = f(...inputs.map((list, p) => (parameters[p] === 'bool' ? (list[i] === 1) as unknown as Value : list[i]!)));
    return typeof result === 'boolean' ? Number(result) : result;
  });
  return { name, inputs, expected };
}

const LANES = { i32: 1, bool: 1, i64: 2 } as const;

/** Statements that call every scalar on sample i, what they read from `in`, and how much they write to `out`. */
function statementsOf(cases: readonly Case[]): { statements: readonly string[]; words: readonly number[]; resultWords: number } {
  const words: number[] = [];
  let resultWords = 0;
  const statements = cases.map((one) => {
    const { parameters, type } = library.signature(one.name);
    const args = parameters.map((p, i) => {
      const at = words.length;
      for (const v of one.inputs[i]!) words.push(...(p === 'i64' ? [Number(BigInt.asIntN(32, v as bigint)), Number(BigInt.asIntN(32, (v as bigint) >> 32n))] : [v as number]));
      return p === 'i64' ? `wide(in + ${at}, i)` : `in[${at} + i]`;
    });
    const result = `${cName(one.name)}(${args.join(', ')})`;
    const at = resultWords;
    resultWords += SAMPLES * LANES[type];
    return type === 'i64' ? `put(out + ${at} + 2 * i, ${result});` : `out[${at} + i] = (int32_t)${result};`;
  });
  return { statements, words, resultWords };
}

/** A program whose "model" calls every scalar on every sample: inputs in the arena, results behind them. */
function program(cases: readonly Case[]): { source: string; manifest: ProjectManifest; bytes: Uint8Array } {
  const { statements, words, resultWords } = statementsOf(cases);
  const calls = statements.map((statement) => `  for (int32_t i = 0; i < ${SAMPLES}; i++) {\n    ${statement}\n  }`);
  const source = `#include <stdint.h>
${translateScalars(names)}
#ifdef PTQ_TRACE
void scalars_trace(int32_t step, const void *arena);
#else
#define scalars_trace(step, arena) ((void)0)
#endif
static inline int64_t wide(const int32_t *at, int32_t i) { return (int64_t)(((uint64_t)(uint32_t)at[2 * i + 1] << 32) | (uint32_t)at[2 * i]); }
static inline void put(int32_t *at, int64_t v) { at[0] = (int32_t)v; at[1] = (int32_t)(v >> 32); }
void scalars_run(void *arena);
void scalars_run(void *arena) {
  const int32_t *in = (const int32_t *)arena;
  int32_t *out = (int32_t *)arena + ${words.length};
  (void)wide; (void)put;
${calls.join('\n')}
  scalars_trace(0, arena);
}
`;
  const bytes = words.length * 4;
  const tensor = (id: string, offset: number, length: number, step: number) => ({ id, offset, bytes: length, laneBytes: 4, signed: true, step }) as const;
  const manifest: ProjectManifest = {
    schemaVersion: 1, modelName: 'scalars', digest: '', target: 'host', arenaBytes: bytes + resultWords * 4, arenaAlignment: 8,
    steps: [{ index: 0, nodes: ['all'], kernel: 'scalars_run' }],
    tensors: [tensor('in', 0, bytes, -1), tensor('out', bytes, resultWords * 4, 0)],
    inputs: [{ name: 'in', tensor: 'in' }], outputs: [{ name: 'out', tensor: 'out' }], sources: ['scalars.c'],
  };
  return { source, manifest, bytes: new Uint8Array(Int32Array.from(words).buffer) };
}

/** The first difference in words, or null. */
function difference(cases: readonly Case[], output: Uint8Array): string | null {
  const words = new Int32Array(output.slice().buffer);
  let at = 0;
  for (const one of cases) {
    const wide = library.signature(one.name).type === 'i64';
    for (let i = 0; i < SAMPLES; i++) {
      const actual: Value = wide ? BigInt.asIntN(64, (BigInt(words[at + 1]!) << 32n) | BigInt(words[at]! >>> 0)) : words[at]!;
      if (actual !== one.expected[i]) return `${one.name}(${one.inputs.map((list) => list[i]).join(', ')}) is ${one.expected[i]} in TypeScript, ${actual} in C`;
      at += wide ? 2 : 1;
    }
  }
  return null;
}

for (const [id, variant] of [['host', 'sanitize'], ['host', 'release'], ['cortex-m0', 'release'], ['cortex-m7', 'release'], ['rv32imc', 'release']] as const) {
  test(`${id}, ${variant}: C equals TypeScript`, async () => {
    const target = findTarget(id);
    if (missingTools(target).length > 0) return leftOut(1, `scalars on ${id}: its tools are missing`);
    const cases = await (allCases ??= casesOf());
    assert.ok(cases.length >= 15);
    const { source, manifest, bytes } = program(cases);
    const directory = await mkdtemp(join(tmpdir(), 'ptq-gen-scalars-'));
    try {
      await mkdir(join(directory, 'test'));
      await writeFile(join(directory, 'scalars.c'), source);
      const build = await buildProgram([{ directory, manifest }], target, variant);
      assert.is(build.warnings, '');
      const run = await runBuild(build, [{ index: 0, inputs: [bytes] }]);
      assert.is(difference(cases, run.log.get('scalars')!.outputs.get(0)!), null);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}

/** The same calls in a kernel, a thread for every sample, and a program that launches it. */
function cudaSource(cases: readonly Case[]): { source: string; bytes: Uint8Array } {
  const { statements, words, resultWords } = statementsOf(cases);
  const source = `#include "ptq_cuda.h"
#include <stdio.h>
${translateScalars(names, 'cuda')}
PTQ_DEVICE int64_t wide(const int32_t *at, int32_t i) { return (int64_t)(((uint64_t)(uint32_t)at[2 * i + 1] << 32) | (uint32_t)at[2 * i]); }
PTQ_DEVICE void put(int32_t *at, int64_t v) { at[0] = (int32_t)v; at[1] = (int32_t)(v >> 32); }
PTQ_KERNEL(128) scalars(const int32_t *in, int32_t *out) {
  const int32_t i = (int32_t)(blockIdx.x * 128 + threadIdx.x);
  ${statements.join('\n  ')}
}
static int32_t in[${words.length}], out[${resultWords}];
int main() {
  if (fread(in, 4, ${words.length}, stdin) != ${words.length}) return 1;
  int32_t *device_in, *device_out;
  if (cudaMalloc(&device_in, sizeof in) != cudaSuccess || cudaMalloc(&device_out, sizeof out) != cudaSuccess) return 1;
  cudaMemcpy(device_in, in, sizeof in, cudaMemcpyHostToDevice);
  PTQ_LAUNCH(scalars, ${SAMPLES / 128}, 128, 0, 0, device_in, device_out);
  cudaMemcpy(out, device_out, sizeof out, cudaMemcpyDeviceToHost);
  return fwrite(out, 4, ${resultWords}, stdout) == ${resultWords} ? 0 : 1;
}
`;
  return { source, bytes: new Uint8Array(Int32Array.from(words).buffer) };
}

test('CUDA on the emulation equals TypeScript', async () => {
  const cases = await (allCases ??= casesOf());
  const { source, bytes } = cudaSource(cases);
  const directory = await mkdtemp(join(tmpdir(), 'ptq-gen-cuda-'));
  const project = join(packageRoot(), 'templates/cuda/project');
  try {
    await writeFile(join(directory, 'scalars.cu'), source);
    const flags = ['-std=c++17', '-x', 'c++', '-DPTQ_CUDA_EMULATION', '-O1', '-Wall', '-Wextra', '-Wconversion', '-Werror', '-Wno-unused-function', '-fsanitize=undefined,address', '-fno-sanitize-recover=all', '-isystem', project, '-isystem', join(project, 'harness')];
    execFileSync('g++', [...flags, 'scalars.cu', '-o', 'scalars'], { cwd: directory, stdio: 'pipe' });
    const output = execFileSync(join(directory, 'scalars'), { input: bytes, maxBuffer: 1 << 28, env: { ASAN_OPTIONS: 'detect_leaks=0' } });
    assert.is(difference(cases, output), null);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('CUDA divides by anything but a literal without a division', () => {
  const cuda = translateScalars(names, 'cuda').replaceAll(/\/\*[\s\S]*?\*\//g, '');
  assert.equal([...cuda.matchAll(/[/%] *(?!\d)\S+/g)].map(([text]) => text), []);
  assert.match(cuda, /sum \/ 2|count \/ 2/);
  assert.match(cuda, /ptq_quotient_by_reciprocal\(/);
});

test.run();
