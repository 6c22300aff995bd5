/** Products of warpgroups (wgmma of sm_90a): the emulation against plain loops, planted faults, and what nvcc makes of the wrappers. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/package-root.js';
import { compileKernels, findNvcc, findProgram, parseCubin } from '../../src/toolchains/index.js';
import { brokenPromises } from '../../src/verify/proofs.js';
import { proveCuda } from '../../src/verify/cuda-proofs.js';
import { leftOut } from '../support/bench.js';

const test = suite('toolchains/cuda-wgmma');
const project = join(packageRoot(), 'templates/cuda/project');
const source = join(packageRoot(), 'test/programs/cuda/wgmma.cu');
const ORDERS = [0, 1, 2, 3, 4, 5];
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-wgmma-'));
test.after(() => rmSync(directory, { recursive: true }));

function build(name: string, flags: readonly string[]): string {
  const program = join(directory, name);
  execFileSync('g++', ['-std=c++17', '-x', 'c++', '-Wall', '-Wextra', '-Wshadow', '-Werror', '-DPTQ_CUDA_EMULATION', `-I${project}`, `-I${join(project, 'harness')}`, ...flags, source, '-o', program], { stdio: 'pipe' });
  return program;
}

/** What it prints, or how it ended. */
function run(program: string, args: readonly string[], environment: Readonly<Record<string, string>>): string {
  const { status, signal, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...environment, ASAN_OPTIONS: 'detect_leaks=0' } });
  return status === 0 && stderr === '' ? stdout.trim() : `${signal ?? `exit ${status}`}: ${stdout}${stderr}`;
}

for (const [name, flags] of [['optimized', ['-O2']], ['sanitized', ['-O1', '-fsanitize=undefined,address', '-fno-sanitize-recover=all']]] as const) {
  test(`${name}: products equal plain loops, in every order of threads`, () => {
    if (findProgram('g++') === null) return leftOut(1, 'the emulation of products of warpgroups: g++ is missing');
    const program = build(name, flags);
    for (const order of ORDERS) assert.is(run(program, ['products'], { PTQ_CUDA_ORDER: String(order) }), 'ok', `order ${order}`);
    assert.equal(['0', '1'].map((wgmma) => run(program, ['probe'], { PTQ_CUDA_WGMMA: wgmma })), ['none', 'wgmma']);
  });
}

/** Fault → what the emulation says in at least one order, and whether it does in all of them. */
const FAULTS: readonly (readonly [number, string, RegExp, 'some' | 'all'])[] = [
  [1, 'no wait for the copies', /^exit 86: .*copied by cp\.async and has not passed fence\.proxy\.async/, 'all'],
  [2, 'no fence behind the copies', /^exit 86: .*copied by cp\.async and has not passed fence\.proxy\.async/, 'all'],
  [3, 'no barrier before a product', /^exit (86: .*has not passed fence|1: .*element \d+ is)/, 'some'],
  [4, 'copies to what a product still reads', /^exit 86: .*has not passed fence\.proxy\.async/, 'all'],
  [5, 'sums read before they are there', /^exit 86: .*a block ends while products of a warpgroup are under way/, 'all'],
  [6, 'no fence before the registers of sums', /^exit 86: .*no wgmma\.fence since thread 0/, 'all'],
  [7, 'a warp that does not take part', /^exit 86: .*wgmma\.wait_group: other threads of the warpgroup are at wgmma\.mma_async/, 'all'],
  [8, 'a matrix at no multiple of 1024', /^exit 86: .*A begins at \d+, its rows not at a multiple of 1024 bytes/, 'all'],
  [9, 'different descriptors', /^exit 86: .*threads of the warpgroup have different descriptors/, 'all'],
  [10, 'sums written under way', /^exit 86: .*registers of a product under way were written/, 'all'],
  [11, 'products of no group', /^exit 86: .*a block ends while products of a warpgroup are under way/, 'all'],
  [12, 'chunks of rows in plain order', /^exit 1: .*element \d+ is/, 'all'],
];

test('planted faults are found', () => {
  if (findProgram('g++') === null) return leftOut(1, 'faults in products of warpgroups: g++ is missing');
  const program = build('faults', ['-O2']);
  for (const [fault, name, message, where] of FAULTS) {
    const said = ORDERS.map((order) => run(program, ['fault', String(fault)], { PTQ_CUDA_ORDER: String(order) }));
    const found = said.filter((text) => message.test(text));
    assert.ok(where === 'all' ? found.length === ORDERS.length : found.length > 0, `${name}: ${said.join('\n')}`);
  }
});

/** Low nine bits of an integer product of a warpgroup in machine code. */
const IGMMA = 0x1f1;

test('nvcc makes wgmma of them for sm_90a and a trap for others, and the proofs see both', async () => {
  if (findNvcc() === null) return leftOut(1, 'machine code of products of warpgroups: nvcc is missing');
  const [hopper, ampere] = await Promise.all(['sm_90a', 'sm_80'].map((architecture) => compileKernels(source, architecture, join(directory, architecture), [project])));
  const wgmmas = (cubin: Uint8Array): number => parseCubin(cubin).reduce((sum, { words }) => sum + [...words].filter((word, i) => i % 2 === 0 && Number(word & 0x1ffn) === IGMMA).length, 0);
  assert.ok(wgmmas(hopper!.cubin) >= 5 * 4, 'four products for each of five kernels');
  assert.is(wgmmas(ampere!.cubin), 0);
  assert.match(hopper!.ptx, /wgmma\.mma_async\.sync\.aligned\.m64n256k32\.s32\.s8\.s8 /);
  assert.match(hopper!.ptx, /wgmma\.mma_async\.sync\.aligned\.m64n128k32\.s32\.u8\.s8 /);
  assert.is(ampere!.ptx.includes('wgmma.mma_async'), false);
  const proofs = proveCuda([hopper!, ampere!], true);
  assert.is(proofs.noFloat && proofs.noHeap, true);
  assert.ok(brokenPromises(proofs, true).some((line) => /^multiplication: staged_product: wgmma\.mma_async/.test(line)), 'products of codes are named');
});

test.run();
