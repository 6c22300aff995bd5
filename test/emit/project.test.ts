import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, type GeneratedProject, writeProject } from '../../src/emit/index.js';
import { packageRoot } from '../../src/package-root.js';
import { FileError } from '../../src/errors.js';
import type { IntegerGraph, Requantize } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget, targets } from '../../src/targets/index.js';
import { compilerOf, missingTools } from '../../src/toolchains/index.js';
import { HandGraph, seededCodes } from '../support/hand-graph.js';

const test = suite('emit/project');
const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-project-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const requantize: Requantize = { mode: 'dyadicHigh', multiplier: [10_000_000, 20_000_000, 30_000_000, 40_000_000], zeroPoint: -4, clamp: [-128, 127] };
const window = { strides: [1, 1], dilations: [1, 1], groups: 1, inputZeroPoint: -3, pad: { amounts: [1, 1, 1, 1], values: -3 } };

/** Two equal convolutions in a row (one kernel, weights stored once), then a table. */
function network(name = 'net', inputName = 'x'): IntegerGraph {
  const graph = new HandGraph(name)
    .activation(inputName, [6, 6, 4])
    .constant('w', [4, 3, 3, 4], seededCodes(new Int8Array(144), -127, 127))
    .constant('v', [4, 3, 3, 4], seededCodes(new Int8Array(144), -127, 127))
    .constant('b', [4], seededCodes(new Int32Array(4), -500, 500))
    .constant('t', [256], seededCodes(new Int8Array(256), -128, 127));
  return graph
    .activation('h', [6, 6, 4])
    .activation('g', [6, 6, 4])
    .activation('y', [6, 6, 4])
    .node('conv2d', [inputName, 'w', 'b'], ['h'], window, requantize)
    .node('conv2d', ['h', 'v', 'b'], ['g'], window, requantize)
    .node('unary', ['g', 't'], ['y'])
    .build([inputName], ['y']);
}

function emit(graph: IntegerGraph, target = 'host', commandLine = '--target host', wrapper = false): GeneratedProject {
  return emitProject(buildSchedule(graph, findTarget(target)), { commandLine, wrapper });
}

function text(project: GeneratedProject, path: string): string {
  return project.files.get(path) as string;
}

test('equal kernels are emitted once, equal weights are stored once', () => {
  const project = emit(network());
  const source = text(project, 'net.c');
  assert.is(source.match(/^static PTQ_NOINLINE/gm)!.length, 2);
  const calls = source.split('void net_run(')[1]!.match(/net_(conv2d|unary)_\d\w*/g)!;
  assert.equal(calls.filter((name) => name.startsWith('net_conv2d_1')), [], 'the second layer has the constants of the first');
  assert.is(text(project, 'net_weights.h').match(/extern/g)!.length, new Set(calls).size);
  const [first, second] = project.manifest.steps;
  assert.is(first!.kernel, second!.kernel);
  assert.match(source, / \* Steps 0, 1; templates\/c\/[\w/-]*conv2d[\w-]*\.hbs/);
});

test('only the scalars that are used are in ptq_arith.h', () => {
  const arith = text(emit(network()), 'ptq_arith.h');
  assert.match(arith, 'ptq_requantize_dyadic_high');
  assert.not.match(arith, 'tflite');
});

test('the same schedule gives the same bytes; no path, no date', () => {
  const [a, b] = [1, 2].map(() => emit(network(), 'cortex-m7', '/usr/bin/ptq-gen /home/someone/model.onnx --calib=/data/calib.npy --out ../b/c --scale 1/255'));
  assert.equal([...a!.files], [...b!.files]);
  const all = [...a!.files.values()].join('\n');
  assert.not.match(all, /\/home|\/usr|\/data|\.\.\/b/);
  assert.not.match(all, /\b20\d\d-\d\d/);
  assert.match(all, 'ptq-gen model.onnx --calib=calib.npy --out c --scale 1/255');
});

test('no kernel reads real: without it kernels and weights are the same bytes', () => {
  const graph = network();
  const bare = { ...graph, tensors: new Map([...graph.tensors].map(([id, t]) => [id, { ...t, real: null }])) };
  for (const path of ['net.c', 'net_weights.c', 'net_weights.h', 'ptq_arith.h']) assert.is(text(emit(graph), path), text(emit(bare), path));
  assert.match(text(emit(graph), 'net.h'), '#define NET_INPUT_X_SCALE 0.5f');
  assert.not.match(text(emit(bare), 'net.h'), 'SCALE');
});

for (const name of ['conv2d_0_weights', 'int', 'string', '9 lives', 'naïve model', '__x', '日本', 'ptq_arith', 'a/b.tflite', 'resnet-8 */ #error']) {
  test(`a model, an input called '${name}' compile without a warning`, () => {
    const project = emit(network(name, name));
    assert.match(project.modelName, /^[a-z][a-z0-9_]*$/);
    compile(project, 'gcc', ['-DPTQ_TRACE']);
  });
}

const WARNINGS = ['-O2', '-Wall', '-Wextra', '-Wconversion', '-Wsign-conversion', '-Wshadow', '-Wundef', '-Wcast-align', '-Wcast-qual', '-Wstrict-prototypes', '-Wmissing-prototypes', '-pedantic', '-Werror', '-ffreestanding', '-fbuiltin'];

function compile(project: GeneratedProject, compiler: string, flags: readonly string[] = [], standard = 'c99'): void {
  const directory = mkdtempSync(join(folder, 'compile-'));
  for (const [path, content] of project.files) if (!path.includes('/')) writeFileSync(join(directory, path), content);
  const prototype = '#include "' + project.modelName + '.h"\n#ifndef __cplusplus\n' + `void ${project.modelName}_trace(int32_t step, const void *arena);\n#endif\n`;
  writeFileSync(join(directory, 'user.c'), prototype);
  for (const source of [...project.manifest.sources, 'user.c']) {
    execFileSync(compiler, [...flags, `-std=${standard}`, ...WARNINGS, '-c', source, '-o', `${source}.o`], { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] });
  }
}

for (const target of targets) {
  if (target.language !== 'c' || missingTools(target).length > 0) continue;
  test(`${target.id}: no warning, trace or release, wrapper included`, () => {
    const project = emit(network(), target.id, '', true);
    // Debian's RISC-V compiler comes without a C library.
    const headers = `-isystem${join(packageRoot(), 'templates/c/project/harness/include')}`;
    for (const trace of [[], ['-DPTQ_TRACE']]) compile(project, compilerOf(target), [...target.flags, headers, ...trace], target.features.separateFlash ? 'gnu99' : 'c99');
  });
}

test('the header serves C++', () => {
  const project = emit(network());
  const directory = mkdtempSync(join(folder, 'cpp-'));
  for (const [path, content] of project.files) if (!path.includes('/')) writeFileSync(join(directory, path), content);
  writeFileSync(join(directory, 'user.cpp'), '#include "net.h"\nint main() { static uint8_t arena[NET_ARENA_BYTES]; net_run(arena); return net_output_y(arena)[0] + net_input_x(arena)[0]; }\n');
  execFileSync('g++', ['-Wall', '-Wextra', '-Werror', '-c', 'user.cpp', '-o', 'user.o'], { cwd: directory });
});

test('the manifest lists every tensor with its writer, inputs first', () => {
  const { manifest } = emit(network());
  assert.equal(manifest.tensors.map((t) => [t.id, t.step]), [['x', -1], ['h', 0], ['g', 1], ['y', 2]]);
  assert.is(manifest.arenaBytes, buildSchedule(network(), findTarget('host')).arena.bytes);
  assert.equal(manifest.outputs, [{ name: 'y', tensor: 'y' }]);
});

test('a kept input says so and costs its memory', () => {
  const graph = network();
  const kept = emitProject(buildSchedule(graph, findTarget('host'), { ...DEFAULT_SCHEDULE_OPTIONS, keepInput: true }), { commandLine: '' });
  assert.match(text(kept, 'net.h'), 'which leaves it as it is');
  assert.ok(kept.manifest.arenaBytes > emit(graph).manifest.arenaBytes);
});

test('writing replaces a generated project, whole', async () => {
  const out = join(folder, 'out', 'net');
  await writeProject(emit(network()), out);
  writeFileSync(join(out, 'stale.c'), '');
  await writeProject(emit(network()), out);
  assert.equal((await readdir(out)).sort(), ['CMakeLists.txt', 'README.md', 'net.c', 'net.h', 'net_weights.c', 'net_weights.h', 'ptq_arith.h', 'test']);
  assert.equal(await readdir(join(folder, 'out')), ['net'], 'no temporary folder stays');
  assert.is(JSON.parse(await readFile(join(out, 'test/manifest.json'), 'utf8')).modelName, 'net');
});

test('what is no generated project is never replaced; a folder that cannot be written is a FileError', async () => {
  const foreign = join(folder, 'foreign');
  await mkdir(foreign);
  writeFileSync(join(foreign, 'precious.txt'), 'mine');
  await assertRejects(writeProject(emit(network()), foreign), /holds no generated project/);
  assert.equal(await readdir(foreign), ['precious.txt']);
  writeFileSync(join(folder, 'file'), '');
  await assertRejects(writeProject(emit(network()), join(folder, 'file', 'below')), /cannot write/);
  if (process.getuid?.() !== 0) {
    await mkdir(join(folder, 'locked'));
    await chmod(join(folder, 'locked'), 0o500);
    await assertRejects(writeProject(emit(network()), join(folder, 'locked', 'net')), /cannot write/);
  }
});

async function assertRejects(promise: Promise<unknown>, message: RegExp): Promise<void> {
  try {
    await promise;
  } catch (error) {
    assert.instance(error, FileError);
    assert.match((error as Error).message, message);
    return;
  }
  assert.unreachable('it was written');
}

test.run();
