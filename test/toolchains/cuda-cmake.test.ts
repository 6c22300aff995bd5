/** The CMake project that is generated for CUDA: with nvcc, and in the emulation without it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { type IntegerGraph, integerTensor } from '../../src/graph/integer.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { simulateBatch } from '../../src/simulation/evaluate.js';
import { findTarget } from '../../src/targets/index.js';
import { findNvcc, findProgram, runProcess, writeHarness } from '../../src/toolchains/index.js';
import { leftOut } from '../support/bench.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';
import { npyBytes } from '../support/npy-bytes.js';

const test = suite('toolchains/cuda-cmake');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-cuda-cmake-'));
test.after(() => rmSync(directory, { recursive: true }));

/** Constants beyond 4 MiB lie in a binary file. */
const DEPTH = 2112;
const CHANNELS = 2048;

function wideLayer(): IntegerGraph {
  const builder = new IntegerGraphBuilder('wide');
  const inputs = [builder.input('x', [DEPTH]), builder.constant('w', [CHANNELS, DEPTH], Int8Array.from({ length: CHANNELS * DEPTH }, (_, i) => ((i * 37) % 255) - 127)), builder.constant('b', [CHANNELS], new Int32Array(CHANNELS).fill(-77))];
  builder.node('dense', 'y', inputs, { attributes: { inputZeroPoint: 3 }, requantize: { mode: 'dyadicHigh', multiplier: [2_000_000], zeroPoint: -7, clamp: [-128, 127] }, shape: [CHANNELS] });
  return builder.build(['y']);
}

async function written(graph: IntegerGraph): Promise<string> {
  const project = emitProject(buildSchedule(graph, findTarget('cuda')), { commandLine: 'test' });
  assert.ok(project.files.get(`${project.modelName}_weights.bin`) instanceof Uint8Array);
  const folder = join(directory, 'project');
  await writeProject(project, folder);
  await writeHarness(folder, project.manifest);
  return folder;
}

async function cmake(folder: string, build: string, settings: readonly string[]): Promise<void> {
  for (const args of [['-S', folder, '-B', build, ...settings], ['--build', build]]) {
    const { exitCode, stdout, stderr } = await runProcess('cmake', args, { timeoutMs: 300_000 });
    assert.is(exitCode, 0, `${stdout}\n${stderr}`);
  }
}

test('the CMake project builds with nvcc, constants from a binary file', async () => {
  if (findProgram('cmake') === null || findNvcc() === null) return leftOut(1, 'CMake projects for GPUs: cmake or nvcc is missing');
  await cmake(await written(wideLayer()), join(directory, 'build-nvcc'), [`-DCMAKE_CUDA_COMPILER=${findNvcc()}`, '-DCMAKE_CUDA_ARCHITECTURES=80']);
});

test('with PTQ_CUDA_EMULATION it builds without nvcc, and the program gives the codes of the simulator', async () => {
  if (findProgram('cmake') === null || findProgram('g++') === null) return leftOut(1, 'CMake projects in the emulation: cmake or g++ is missing');
  const graph = wideLayer();
  const build = join(directory, 'build-emulation');
  await cmake(await written(graph), build, ['-DPTQ_CUDA_EMULATION=ON']);
  const codes = Int8Array.from({ length: 2 * DEPTH }, (_, i) => ((i * 91) % 256) - 128);
  await writeFile(join(directory, 'x.npy'), npyBytes('|i1', [2, DEPTH], codes));
  const { exitCode, stderr } = await runProcess(join(build, 'wide_npy'), [join(directory, 'x.npy'), join(directory, 'y.npy')]);
  assert.is(exitCode, 0, stderr);
  const [expected] = await simulateBatch(graph, [codes], 2);
  const file = await readFile(join(directory, 'y.npy'));
  assert.equal(new Int8Array(file.subarray(file.length - 2 * integerTensor(graph, 'y').shape[0]!)), Int8Array.from(expected as Int8Array));
});

test.run();
