/** Programs for a real GPU: compiled, linked, and run where there is one; and whole data sets through the same kernels. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { emulationRunner, gpuRunner } from '../../src/cuda-runner.js';
import { emitProject, writeProject } from '../../src/emit/index.js';
import { BuildError, ToolchainMissingError } from '../../src/errors.js';
import { elementCount } from '../../src/graph/float.js';
import { type Codes, type IntegerGraph, integerTensor } from '../../src/graph/integer.js';
import { lanesFor } from '../../src/graph/lanes.js';
import { loadIntegerGraph } from '../../src/graph/serialize.js';
import { packageRoot } from '../../src/package-root.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { simulateBatch } from '../../src/simulation/evaluate.js';
import { findTarget } from '../../src/targets/index.js';
import { buildDeviceProgram, compileCuda, findGpu, findNvcc, findProgram, kernelName, parseResources, runProcess } from '../../src/toolchains/index.js';
import { leftOut } from '../support/bench.js';
import { npyBytes } from '../support/npy-bytes.js';

const test = suite('toolchains/cuda-device');
const SAMPLE = join(packageRoot(), 'firmware-samples/shapes-cortex-m7/test/model.ptq.json');
const HARNESS = join(packageRoot(), 'templates/cuda/project/harness');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-cuda-device-'));
test.after(() => rmSync(directory, { recursive: true }));

function randomInputs(graph: IntegerGraph, count: number): readonly Codes[] {
  let state = 7;
  return graph.inputs.map((port) => {
    const { shape, type, codeRange } = integerTensor(graph, port.tensor);
    const codes = new (lanesFor(type))(count * elementCount(shape)) as Codes;
    for (let i = 0; i < codes.length; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      codes[i] = codeRange[0] + ((state >>> 8) % (codeRange[1] - codeRange[0] + 1));
    }
    return codes;
  });
}

test('a batch runner on the emulation gives the codes of the simulator, also of an inner tensor', async () => {
  if (findProgram('g++') === null) return leftOut(1, 'data sets through CUDA kernels: g++ is missing');
  const graph = await loadIntegerGraph(SAMPLE);
  const count = 11;
  const inputs = randomInputs(graph, count);
  const inner = graph.nodes.at(-2)!.outputs[0]!;
  const cut = { ...graph, outputs: [{ ...graph.outputs[0]!, tensor: inner }] };
  const runner = emulationRunner();
  for (const one of [graph, cut]) assert.equal(await runner.run(one, inputs, count), [...(await simulateBatch(one, inputs, count))].map((codes) => codes.slice()));
  assert.ok(runner.seconds() > 0);
});

test('a program for a GPU links without one, and says that it found none', async () => {
  if (findNvcc() === null) return leftOut(1, 'programs for GPUs: nvcc is missing');
  const graph = await loadIntegerGraph(SAMPLE);
  const target = findTarget('cuda');
  const project = emitProject(buildSchedule(graph, target), { commandLine: 'test' });
  const folder = join(directory, 'project');
  await writeProject(project, folder);
  const build = await buildDeviceProgram([{ directory: folder, manifest: project.manifest }], target, 'release', 'sm_80');
  if ((await findGpu()) === null) {
    const { exitCode, stderr } = await runProcess(build.elf, [], { directory: build.directory });
    assert.is(exitCode, 77, stderr);
    try {
      await gpuRunner();
      assert.unreachable('there is no GPU');
    } catch (error) {
      assert.instance(error, ToolchainMissingError);
      assert.match((error as Error).message, /no GPU was found/);
    }
    return;
  }
  const inputs = randomInputs(graph, 300);
  assert.equal(await (await gpuRunner()).run(graph, inputs, 300), [...(await simulateBatch(graph, inputs, 300))].map((codes) => codes.slice()));
});

test('the program of a project reads codes from .npy files and writes the codes of the results', async () => {
  if (findProgram('g++') === null) return leftOut(1, 'the program of a CUDA project: g++ is missing');
  const graph = await loadIntegerGraph(SAMPLE);
  const project = emitProject(buildSchedule(graph, findTarget('cuda')), { commandLine: 'test' });
  const folder = join(directory, 'npy');
  await writeProject(project, folder);
  const { modelName } = project.manifest;
  const sources = ['-x', 'c++', `${modelName}.cu`, 'main.cpp', '-x', 'c', `${modelName}_weights.c`];
  const built = await runProcess('g++', ['-O1', '-Wall', '-Wextra', '-Wno-unknown-pragmas', '-DPTQ_CUDA_EMULATION', '-I.', `-I${HARNESS}`, ...sources, '-o', 'program'], { directory: folder });
  assert.equal([built.exitCode, built.stderr], [0, '']);
  const count = 5;
  const inputs = randomInputs(graph, count);
  const nameOf = (port: { readonly tensor: string }): string => (integerTensor(graph, port.tensor).type.signed ? '|i1' : '|u1');
  const files = await Promise.all(
    graph.inputs.map(async (port, i) => {
      const file = join(folder, `input-${i}.npy`);
      await writeFile(file, npyBytes(nameOf(port), [count, ...integerTensor(graph, port.tensor).shape], inputs[i]!));
      return file;
    }),
  );
  const results = graph.outputs.map((_, i) => join(folder, `output-${i}.npy`));
  const ran = await runProcess(join(folder, 'program'), [...files, ...results]);
  assert.equal([ran.exitCode, ran.stderr], [0, '']);
  const expected = await simulateBatch(graph, inputs, count);
  for (const [i, port] of graph.outputs.entries()) {
    const bytes = await readFile(results[i]!);
    const header = 10 + bytes.readUInt16LE(8);
    assert.match(bytes.toString('latin1', 10, header), new RegExp(`'descr': '\\${nameOf(port)}'.*'shape': \\(${count}, `));
    assert.equal([...bytes.subarray(header)], [...new Uint8Array(expected[i]!.slice().buffer)]);
  }
  const short = await runProcess(join(folder, 'program'), [SAMPLE, ...results]);
  assert.is(short.exitCode, 1);
  assert.match(short.stderr, /is no \.npy file/);
});

test('an architecture that nvcc does not know is refused with its own words', async () => {
  if (findNvcc() === null) return leftOut(1, 'errors of nvcc: it is missing');
  const manifest = { modelName: 'none', sources: ['none.cu'] } as never;
  try {
    await compileCuda(directory, manifest, 'sm_10');
    assert.unreachable('sm_10 is gone');
  } catch (error) {
    assert.instance(error, BuildError);
    assert.match((error as Error).message, /do not compile for sm_10/);
    assert.match((error as BuildError).stderr, /sm_10|none\.cu/);
  }
});

test('what ptxas says of registers, shared memory and spills is read', () => {
  const text = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_Z13tiled_productPKaS0_Piiii' for 'sm_80'
ptxas info    : Function properties for _Z13tiled_productPKaS0_Piiii
    0 bytes stack frame, 8 bytes spill stores, 12 bytes spill loads
ptxas info    : Used 32 registers, used 1 barriers, 256 bytes smem, 388 bytes cmem[0]
ptxas info    : Compiling entry function '_ZN39_INTERNAL_3cdef789_12_emulation_cu_main9histogramEPKhPiS1_' for 'sm_80'
ptxas info    : Function properties for _ZN39_INTERNAL_3cdef789_12_emulation_cu_main9histogramEPKhPiS1_
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 14 registers, used 0 barriers, 376 bytes cmem[0]
`;
  assert.equal(parseResources(text), [
    { name: 'tiled_product', registers: 32, sharedBytes: 256, spillBytes: 20 },
    { name: 'histogram', registers: 14, sharedBytes: 0, spillBytes: 0 },
  ]);
  assert.equal(['_Z6kernelILi16ELi32EEvPKa', '_ZL6kernelPKa', 'plain'].map(kernelName), ['kernel', 'kernel', 'plain']);
});

test.run();
