/** PTX executed on this machine: every instruction against its definition in plain integers, nvcc's PTX of the wrappers against plain loops, a planted fault. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject } from '../../src/emit/index.js';
import { packageRoot } from '../../src/package-root.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { buildTranslated, compileCuda, compileKernels, type CudaCode, findNvcc, findProgram, splicePtx } from '../../src/toolchains/index.js';
import { compareOnEmulator } from '../../src/verify/emulator.js';
import { Expected } from '../../src/verify/expected.js';
import { leftOut } from '../support/bench.js';
import { Random } from '../support/integer-graphs.js';
import { linearCase } from '../support/linear-cases.js';

const test = suite('toolchains/cuda-ptx');
const project = join(packageRoot(), 'templates/cuda/project');
const programs = join(packageRoot(), 'test/programs/cuda');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-ptx-'));
test.after(() => rmSync(directory, { recursive: true }));

/** A program of which all kernels are what the PTX says. */
function build(source: string, ptx: string, name: string): string {
  const spliced = join(directory, `${name}.cu`);
  writeFileSync(spliced, splicePtx(source, ptx));
  const includes = [project, join(project, 'harness'), programs].map((path) => `-I${path}`);
  execFileSync('g++', ['-std=c++17', '-O1', '-w', '-x', 'c++', '-DPTQ_CUDA_EMULATION', ...includes, spliced, '-o', join(directory, name)], { stdio: 'pipe' });
  return join(directory, name);
}

function run(program: string, args: readonly string[], order: number): string {
  const { status, signal, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { PTQ_CUDA_ORDER: String(order), PTQ_CUDA_WGMMA: '1' } });
  return status === 0 && stderr === '' ? stdout.trim() : `${signal ?? `exit ${status}`}: ${stdout}${stderr}`;
}

const ORDERS = [0, 1, 3];

const built = new Map<string, string>();

/** The program of cuda-emulation.test.ts with nvcc's kernels. */
async function wrappers(architecture: string): Promise<string> {
  const known = built.get(architecture);
  if (known !== undefined) return known;
  const file = join(programs, 'emulation.cu');
  const { ptx } = await compileKernels(file, architecture, join(directory, architecture), [project]);
  const program = build(readFileSync(file, 'utf8'), ptx, `wrappers-${architecture}`);
  built.set(architecture, program);
  return program;
}

for (const architecture of ['sm_75', 'sm_80', 'sm_90a']) {
  test(`what nvcc makes of the wrappers for ${architecture} equals plain loops`, async () => {
    if (findNvcc() === null) return leftOut(1, `PTX for ${architecture}: nvcc is missing`);
    const program = await wrappers(architecture);
    for (const order of ORDERS) for (const one of ['mma', 'warp', 'integers', 'tiled']) assert.is(run(program, [one], order), 'ok', `${one}, order ${order}`);
  });
}

const RACE = /a race: byte \d+ of shared memory is (written|read and written|written and read) by this thread and (others|thread \d+), and nothing puts them in order/;

/** Fault of the tiled product (test/programs/cuda/emulation.cu) → what its PTX shows in every order of threads, also where the result is right. */
const FAULTS: readonly (readonly [number, string, RegExp])[] = [
  [1, 'no barrier before reading', RACE],
  [2, 'no barrier before writing', RACE],
  [3, 'no wait for a copy', /byte \d+ of shared memory is used while cp\.async copies to it/],
  [6, 'a write behind shared memory', /shared memory is used behind its end|written 0 bytes behind its end/],
];

test('races are found in every order of threads', async () => {
  if (findNvcc() === null) return leftOut(1, 'races in PTX: nvcc is missing');
  const program = await wrappers('sm_80');
  for (const [fault, name, message] of FAULTS) for (const order of [0, 1, 2, 3, 4, 5]) assert.match(run(program, ['tiled', String(fault)], order), message, `${name}, order ${order}`);
});

/** Instruction → its result in integers without bounds, cut to 64 bits afterwards. */
type Definition = readonly [text: string, define: (a: bigint, b: bigint, c: bigint) => bigint];

const s32 = (x: bigint): bigint => BigInt.asIntN(32, x);
const u32 = (x: bigint): bigint => BigInt.asUintN(32, x);
const bit = (condition: boolean): bigint => (condition ? 1n : 0n);
const bytes = (x: bigint, signed: boolean): readonly bigint[] => [0n, 8n, 16n, 24n].map((i) => (signed ? BigInt.asIntN(8, x >> i) : BigInt.asUintN(8, x >> i)));

/** `%a`, `%b`, `%c`: three words; `%d` gets the result, as wide as the instruction writes it; `%p`, `%q` are for any use. */
const DEFINITIONS: readonly Definition[] = [
  ['add.s32 %d, %a, %b', (a, b) => u32(a + b)],
  ['sub.s32 %d, %a, %b', (a, b) => u32(a - b)],
  ['mul.lo.s32 %d, %a, %b', (a, b) => u32(a * b)],
  ['mul.hi.s32 %d, %a, %b', (a, b) => u32((s32(a) * s32(b)) >> 32n)],
  ['mul.hi.u32 %d, %a, %b', (a, b) => (u32(a) * u32(b)) >> 32n],
  ['mul.wide.s32 %w, %a, %b', (a, b) => s32(a) * s32(b)],
  ['mul.wide.u32 %w, %a, %b', (a, b) => u32(a) * u32(b)],
  ['mad.lo.s32 %d, %a, %b, %c', (a, b, c) => u32(a * b + c)],
  ['mad.wide.s32 %w, %a, %b, %v', (a, b, c) => s32(a) * s32(b) + (u32(c) | (u32(a) << 32n))],
  ['neg.s32 %d, %a', (a) => u32(-a)],
  ['abs.s32 %d, %a', (a) => u32(s32(a) < 0n ? -s32(a) : s32(a))],
  ['min.s32 %d, %a, %b', (a, b) => u32(s32(a) < s32(b) ? a : b)],
  ['max.u32 %d, %a, %b', (a, b) => (u32(a) > u32(b) ? a : b)],
  ['and.b32 %d, %a, %b', (a, b) => a & b],
  ['or.b32 %d, %a, %b', (a, b) => a | b],
  ['xor.b32 %d, %a, %b', (a, b) => a ^ b],
  ['not.b32 %d, %a', (a) => u32(~a)],
  ['shl.b32 %d, %a, %n', (a, b) => ((b & 63n) > 31n ? 0n : u32(a << (b & 63n)))],
  ['shr.u32 %d, %a, %n', (a, b) => a >> (b & 63n)],
  ['shr.s32 %d, %a, %n', (a, b) => u32(s32(a) >> (b & 63n))],
  ['shr.s64 %w, %v, %n', (a, b, c) => BigInt.asIntN(64, c | (a << 32n)) >> (b & 63n)],
  ['shl.b64 %w, %v, %n', (a, b, c) => (c | (a << 32n)) << (b & 63n)],
  ['shf.l.wrap.b32 %d, %a, %b, %n', (a, b) => u32((((b << 32n) | a) << (b & 31n)) >> 32n)],
  ['bfe.u32 %d, %a, 5, 9', (a) => (a >> 5n) & 511n],
  ['bfe.s32 %d, %a, 5, 9', (a) => u32(BigInt.asIntN(9, a >> 5n))],
  ['bfe.s32 %d, %a, 28, 9', (a) => u32(s32(a) >> 28n)],
  ['bfi.b32 %d, %a, %b, 5, 9', (a, b) => (b & ~(511n << 5n)) | ((a & 511n) << 5n)],
  ['prmt.b32 %d, %a, %b, 21537', (a, b) => [1, 2, 4, 5].reduce((sum, from, to) => sum | ((((b << 32n) | a) >> BigInt(8 * from)) & 255n) << BigInt(8 * to), 0n)],
  ['lop3.b32 %d, %a, %b, %c, 0x96', (a, b, c) => a ^ b ^ c],
  ['lop3.b32 %d, %a, %b, %c, 0xe8', (a, b, c) => (a & b) | (a & c) | (b & c)],
  ['popc.b32 %d, %a', (a) => BigInt(a.toString(2).replaceAll('0', '').length)],
  ['clz.b32 %d, %a', (a) => 32n - BigInt(a === 0n ? 0 : a.toString(2).length)],
  ['brev.b32 %d, %a', (a) => BigInt(`0b${[...a.toString(2).padStart(32, '0')].reverse().join('')}`)],
  ['setp.lt.s32 %p, %a, %b; selp.u32 %d, 1, 0, %p', (a, b) => bit(s32(a) < s32(b))],
  ['setp.lo.u32 %p, %a, %b; selp.u32 %d, 1, 0, %p', (a, b) => bit(u32(a) < u32(b))],
  ['setp.ge.u32 %p, %a, %b; not.pred %q, %p; selp.u32 %d, 1, 0, %q', (a, b) => bit(a < b)],
  ['setp.gt.s32 %q, %c, 0; setp.ne.and.s32 %p, %a, %b, %q; selp.b32 %d, %a, %b, %p', (a, b, c) => (a !== b && s32(c) > 0n ? a : b)],
  ['cvt.s64.s32 %w, %a', (a) => s32(a)],
  ['cvt.u64.u32 %w, %a', (a) => a],
  ['cvt.u32.u64 %d, %v', (a, _b, c) => u32(c | (a << 32n))],
  ['cvt.s32.s8 %d, %a', (a) => u32(BigInt.asIntN(8, a))],
  ['cvt.sat.s8.s32 %d, %a', (a) => u32(s32(a) < -128n ? -128n : s32(a) > 127n ? 127n : s32(a))],
  ['mov.b64 %w, {%a, %b}', (a, b) => a | (b << 32n)],
  ['mov.b64 {%d, %e}, %v', (_a, _b, c) => c],
  ['dp4a.s32.s32 %d, %a, %b, %c', (a, b, c) => u32(bytes(a, true).reduce((sum, x, i) => sum + x * bytes(b, true)[i]!, c))],
  ['dp4a.u32.s32 %d, %a, %b, %c', (a, b, c) => u32(bytes(a, false).reduce((sum, x, i) => sum + x * bytes(b, true)[i]!, c))],
  ['dp2a.lo.u32.s32 %d, %a, %b, %c', (a, b, c) => u32(c + (a & 65535n) * bytes(b, true)[0]! + (a >> 16n) * bytes(b, true)[1]!)],
  ['dp2a.hi.s32.s32 %d, %a, %b, %c', (a, b, c) => u32(c + BigInt.asIntN(16, a) * bytes(b, true)[2]! + (s32(a) >> 16n) * bytes(b, true)[3]!)],
];

/** One thread; `words` holds three numbers a case, `results` two words a definition and case. */
function instructionKernel(): string {
  const steps = DEFINITIONS.flatMap(([text], i) => [
    'mov.u32 %d, 0;', 'mov.u64 %w, 0;',
    ...text.split('; ').map((one) => `${one};`),
    ...(text.includes('%w,') ? [] : ['cvt.u64.u32 %w, %d;']),
    `st.global.u64 [%to+${8 * i}], %w;`,
  ]);
  return `.version 8.0
.target sm_80
.address_size 64
.entry _Z8computedPKjPm(
\t.param .u64 _Z8computedPKjPm_param_0,
\t.param .u64 _Z8computedPKjPm_param_1
)
{
\t.reg .pred %p, %q;
\t.reg .b32 %a, %b, %c, %d, %e, %n;
\t.reg .b64 %v, %w, %from, %to;
\tld.param.u64 %from, [_Z8computedPKjPm_param_0];
\tld.param.u64 %to, [_Z8computedPKjPm_param_1];
\tld.global.u32 %a, [%from];
\tld.global.nc.u32 %b, [%from+4];
\tld.global.u32 %c, [%from+8];
\tand.b32 %n, %b, 63;
\tmov.b64 %v, {%c, %a};
${steps.map((step) => `\t${step}`).join('\n')}
\tret;
}
`;
}

const INSTRUCTION_PROGRAM = `#include "ptq_cuda.h"

#include <stdio.h>

PTQ_KERNEL(1) computed(const uint32_t *words, uint64_t *results) {
  results[0] = words[0];
}

int main(int count, char **words) {
  static uint64_t results[${DEFINITIONS.length}];
  for (int i = 1; i + 2 < count; i += 3) {
    const uint32_t own[] = {(uint32_t)strtoul(words[i], 0, 10), (uint32_t)strtoul(words[i + 1], 0, 10), (uint32_t)strtoul(words[i + 2], 0, 10)};
    PTQ_LAUNCH(computed, 1, 1, 0, 0, own, results);
    for (uint64_t result : results) printf("%llu\\n", (unsigned long long)result);
  }
}
`;

const WORDS = [0n, 1n, 7n, 31n, 0x7fffffffn, 0x80000000n, 0xffffffffn, 0x80ff7f01n, 0x12345678n, 0xdeadbeefn, 0xfedcba98n, 0x00ff00ffn];

test('every instruction equals its definition', () => {
  if (findProgram('g++') === null) return leftOut(1, 'PTX on this machine: g++ is missing');
  const program = build(INSTRUCTION_PROGRAM, instructionKernel(), 'instructions');
  const cases = WORDS.flatMap((a, i) => WORDS.map((b, j) => [a, b, WORDS[(5 * i + 3 * j + 1) % WORDS.length]!] as const));
  const printed = run(program, cases.flat().map(String), 0).split('\n');
  assert.is(printed.length, cases.length * DEFINITIONS.length);
  for (const [n, [a, b, c]] of cases.entries()) {
    for (const [i, [text, define]] of DEFINITIONS.entries()) {
      assert.is(printed[n * DEFINITIONS.length + i], String(BigInt.asUintN(64, define(a, b, c))), `${text} of ${a}, ${b}, ${c}`);
    }
  }
});

test('an instruction that nobody has met is named', () => {
  assert.throws(() => splicePtx(INSTRUCTION_PROGRAM, instructionKernel().replace('add.s32', 'add.rn.f32')), /type f32 is not known/);
  assert.throws(() => splicePtx(INSTRUCTION_PROGRAM, instructionKernel().replace('add.s32', 'tex.2d.s32')), /instruction tex\.2d\.s32 is not known/);
});

/** A product of rows and weights, large enough for every tile, as a generated project. */
async function productProject() {
  const random = new Random(71);
  const { graph, inputs } = linearCase('product', random, {
    op: 'dense', input: { bits: 8 }, inputShape: [40, 304], weightShape: [136, 304], weightBits: 8, output: { bits: 8 }, outputChannels: 136, outputShape: [40, 136], biasRows: 1, attributes: { inputZeroPoint: -5 },
  });
  const project = emitProject(buildSchedule(graph, findTarget('cuda')), { commandLine: 'test' });
  for (const [path, content] of project.files) {
    await mkdir(dirname(join(directory, 'product', path)), { recursive: true });
    await writeFile(join(directory, 'product', path), content);
  }
  return { directory: join(directory, 'product'), manifest: project.manifest, expected: new Expected(graph, inputs) };
}

test('a project computes the same with its PTX, for every architecture and size of a GPU, and one wrong instruction is found', async () => {
  if (findNvcc() === null) return leftOut(1, 'PTX of a project: nvcc is missing');
  const { expected, ...model } = await productProject();
  const target = findTarget('cuda');
  const differences = async (code: CudaCode): Promise<readonly (string | null)[]> => {
    const translated = await buildTranslated([{ ...model, code }], target);
    const devices = [1, 5, 132].map((multiprocessors) => ({ order: 1, multiprocessors, hasWarpgroups: code.architecture === 'sm_90a' }));
    const seen: (string | null)[] = [];
    for (const device of devices) seen.push((await compareOnEmulator(translated, model.manifest, expected, undefined, device)).mismatch?.tensor ?? null);
    return seen;
  };
  for (const architecture of ['sm_75', 'sm_80', 'sm_90a']) {
    const code = await compileCuda(model.directory, model.manifest, architecture);
    assert.equal(await differences(code), [null, null, null], architecture);
    if (architecture === 'sm_80') assert.equal(await differences({ ...code, ptx: code.ptx.replaceAll('max.s32', 'min.s32') }), ['y', 'y', 'y']);
    if (architecture === 'sm_90a') assert.match(code.ptx, /wgmma\.mma_async/);
  }
});

test.run();
