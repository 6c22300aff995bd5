/** The deployed integer arithmetic over whole data sets on a GPU, or in the emulation of one: the same codes as the simulator. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { emitProject, writeProject } from './emit/index.js';
import { ToolchainMissingError } from './errors.js';
import type { BatchRunner } from './evaluation.js';
import { elementCount } from './graph/float.js';
import { type Codes, type IntegerGraph, integerTensor } from './graph/integer.js';
import { lanesFor } from './graph/lanes.js';
import { removeUnused } from './passes/integer/remove-unused.js';
import { buildSchedule } from './schedule/index.js';
import { sampleAt } from './simulation/encode.js';
import { findTarget } from './targets/index.js';
import { buildDeviceProgram, buildProject, findGpu, type Gpu, requireNvcc, runBatches } from './toolchains/index.js';
import { toVectors } from './verify/index.js';

/** Samples of one launch. */
const BATCH = { gpu: 256, emulation: 8 } as const;

export interface CudaRunner {
  readonly run: BatchRunner;
  /** `NVIDIA H100 (sm_90)`. */
  readonly device: string;
  /** What the runs so far took, apart from generating and compiling. */
  readonly seconds: () => number;
}

/** @throws ToolchainMissingError where there is no nvcc or no GPU. */
export async function gpuRunner(): Promise<CudaRunner> {
  requireNvcc();
  const gpu = await findGpu();
  if (gpu === null) throw new ToolchainMissingError('no GPU was found: nvidia-smi shows none', { hint: 'use --backend sim, or --backend cuda-emulation, which runs the same kernels on this machine, slowly' });
  return runnerOn(gpu);
}

/** Needs g++ alone. */
export function emulationRunner(): CudaRunner {
  return runnerOn(null);
}

function runnerOn(gpu: Gpu | null): CudaRunner {
  let seconds = 0;
  const run: BatchRunner = async (given, inputs, count) => {
    const graph = removeUnused(given);
    const folder = await mkdtemp(join(tmpdir(), 'ptq-gen-cuda-'));
    try {
      const build = await buildIn(join(folder, 'project'), graph, gpu);
      const vectors = toVectors(Array.from({ length: count }, (_, i) => sampleAt(graph, inputs, i)));
      const done = await runBatches(build, vectors, gpu ? BATCH.gpu : BATCH.emulation);
      seconds += done.seconds;
      return splitOutputs(graph, done.outputs);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  };
  return { run, device: gpu ? `${gpu.name} (${gpu.architecture})` : 'CUDA emulated on this machine', seconds: () => seconds };
}

async function buildIn(directory: string, graph: IntegerGraph, gpu: Gpu | null): Promise<Awaited<ReturnType<typeof buildProject>>> {
  const target = findTarget('cuda');
  const project = emitProject(buildSchedule(graph, target), { commandLine: 'ptq-gen eval' });
  await writeProject(project, directory);
  if (gpu) return buildDeviceProgram([{ directory, manifest: project.manifest }], target, 'release', gpu.architecture);
  return buildProject(directory, target, 'release', project.manifest);
}

/** Outputs of every sample, all ports of one after the other → every port, all samples of one after the other. */
function splitOutputs(graph: IntegerGraph, samples: readonly Uint8Array[]): readonly Codes[] {
  let start = 0;
  return graph.outputs.map((port) => {
    const { shape, type } = integerTensor(graph, port.tensor);
    const codes = new (lanesFor(type))(elementCount(shape) * samples.length) as Codes;
    const bytes = new Uint8Array(codes.buffer);
    const each = bytes.length / samples.length;
    samples.forEach((sample, i) => bytes.set(sample.subarray(start, start + each), i * each));
    start += each;
    return codes;
  });
}
