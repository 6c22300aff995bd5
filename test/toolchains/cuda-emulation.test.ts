/** The emulation of CUDA itself: every wrapper of an instruction against plain loops, and planted faults that it must find. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { packageRoot } from '../../src/package-root.js';
import { findProgram } from '../../src/toolchains/index.js';
import { leftOut } from '../support/bench.js';

const test = suite('toolchains/cuda-emulation');
const project = join(packageRoot(), 'templates/cuda/project');
const ORDERS = [0, 1, 2, 3, 4, 5];
const CASES = ['mma', 'warp', 'integers', 'graph', 'tiled'] as const;
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-emulation-'));
test.after(() => rmSync(directory, { recursive: true }));

function build(name: string, flags: readonly string[]): string {
  const program = join(directory, name);
  const includes = [`-I${project}`, `-I${join(project, 'harness')}`];
  execFileSync('g++', ['-std=c++17', '-x', 'c++', '-Wall', '-Wextra', '-Werror', '-DPTQ_CUDA_EMULATION', ...includes, ...flags, join(packageRoot(), 'test/programs/cuda/emulation.cu'), '-o', program], { stdio: 'pipe' });
  return program;
}

/** What it prints, or how it ended. */
function run(program: string, args: readonly string[], order: number): string {
  const { status, signal, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { PTQ_CUDA_ORDER: String(order), ASAN_OPTIONS: 'detect_leaks=0' } });
  return status === 0 && stderr === '' ? stdout.trim() : `${signal ?? `exit ${status}`}: ${stdout}${stderr}`;
}

const VARIANTS = [
  ['optimized', ['-O2'], CASES],
  ['sanitized', ['-O1', '-fsanitize=undefined,address', '-fno-sanitize-recover=all'], CASES],
  ['with the stacks of POSIX', ['-O1', '-DPTQ_EMULATION_UCONTEXT'], ['tiled']],
  ['as on sm_75', ['-O1', '-DPTQ_ARCHITECTURE=750'], ['mma', 'tiled']],
  ['as on sm_90', ['-O1', '-DPTQ_ARCHITECTURE=900'], ['mma', 'tiled']],
] as const;

for (const [name, flags, cases] of VARIANTS) {
  test(`${name}: all instructions equal plain loops, in every order of threads`, () => {
    if (findProgram('g++') === null) return leftOut(1, 'the emulation of CUDA: g++ is missing');
    const program = build(name.replaceAll(' ', '-'), flags);
    for (const order of ORDERS) for (const one of cases) assert.is(run(program, [one], order), 'ok', `${one}, order ${order}`);
  });
}

/** Fault → what the emulation says in at least one order, and whether it does in all of them. */
const FAULTS: readonly (readonly [number, string, RegExp, 'some' | 'all'])[] = [
  [1, 'no barrier before reading', /^exit 1: element \d+ is/, 'some'],
  [2, 'no barrier before writing', /^exit 1: element \d+ is/, 'some'],
  [3, 'no wait for a copy', /^exit 1: element \d+ is/, 'some'],
  [4, 'a barrier in a branch', /^exit 86: .*divergent barrier: line \d+ here, line \d+ in other threads/, 'all'],
  [5, 'a thread that ends before a barrier', /^exit 86: .*deadlock: waits at a barrier in line \d+, 1 of 128 threads ended without it/, 'all'],
  [6, 'a write behind shared memory', /^exit 86: .*shared array sums: written 0 bytes behind its end/, 'all'],
  [7, 'shared memory that nobody wrote', /^exit 1: element 0 is/, 'all'],
  [8, 'a shuffle in a branch', /^exit 86: .*other lanes of the warp are at/, 'all'],
  [9, 'two masks of one shuffle', /^exit 86: .*a shuffle: mask \w+, other lanes have \w+/, 'all'],
  [10, 'more stack than there is', /^SIGSEGV/, 'all'],
];

test('planted faults are found', () => {
  if (findProgram('g++') === null) return leftOut(1, 'faults that the emulation of CUDA finds: g++ is missing');
  const program = build('faults', ['-O2']);
  for (const [fault, name, message, where] of FAULTS) {
    const said = ORDERS.map((order) => run(program, ['tiled', String(fault)], order));
    const found = said.filter((text) => message.test(text));
    assert.ok(where === 'all' ? found.length === ORDERS.length : found.length > 0, `${name}: ${said.join('\n')}`);
  }
});

test.run();
