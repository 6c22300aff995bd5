/**
 * What stands behind a CUDA project: (a) nvcc compiles the kernels for every architecture, and PTX and machine code are
 * examined; (b) the kernels run in an emulation on this machine, first their source, which every verification does, then the
 * PTX that nvcc made of it; (c) they run on a GPU.
 */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Mismatch } from '../errors.js';
import type { Target } from '../targets/index.js';
import { buildDeviceProgram, buildTranslated, type CudaCode, compileCuda, findGpu, findNvcc, runBuild } from '../toolchains/index.js';
import { compareOutputs, modelLog } from './compare.js';
import { proveCuda } from './cuda-proofs.js';
import { describeDifference } from './divergence.js';
import { compareOnEmulator } from './emulator.js';
import { type Expected, toVectors } from './expected.js';
import type { BinaryProofs } from './proofs.js';

export interface CudaInspection {
  /** Null where there is no nvcc. */
  readonly proofs: BinaryProofs | null;
  readonly codes: readonly CudaCode[];
  readonly notes: readonly string[];
  readonly commands: readonly string[];
}

const WITHOUT_NVCC = 'nvcc was not found: the kernels were not compiled for a GPU, and no proof was tried; install the CUDA toolkit or set CUDA_HOME';

/** Level (a). @throws BuildError where the kernels do not compile. */
export async function inspectCuda(directory: string, manifest: ProjectManifest, { runner }: Target): Promise<CudaInspection> {
  if (runner.kind !== 'cuda-emulation' || findNvcc() === null) return { proofs: null, codes: [], notes: [WITHOUT_NVCC], commands: [] };
  const codes: CudaCode[] = [];
  for (const architecture of runner.architectures) codes.push(await compileCuda(directory, manifest, architecture));
  return {
    proofs: proveCuda(codes, manifest.withoutMultiplication === true),
    codes,
    notes: codes.flatMap(notesOf),
    commands: codes.flatMap(({ commands }) => commands),
  };
}

/** Registers of the kernels, and what the compiler said. */
function notesOf({ architecture, kernels, warnings }: CudaCode): readonly string[] {
  const most = kernels.reduce((a, b) => (b.registers > a.registers ? b : a));
  const spilled = kernels.filter((kernel) => kernel.spillBytes > 0);
  const spills = spilled.length === 0 ? 'none spills' : `${spilled.map((k) => k.name).join(', ')} spill`;
  const shared = Math.max(...kernels.map((kernel) => kernel.sharedBytes));
  return [`${architecture}: ${kernels.length} kernels, at most ${most.registers} registers (${most.name}) and ${shared} bytes of shared memory, ${spills}`, ...(warnings === '' ? [] : [`nvcc for ${architecture} warned:\n${warnings}`])];
}

/** Level (b) with what nvcc made of the kernels: every tensor of every vector. @throws BuildError, RunError. */
async function comparePtx(directory: string, target: Target, manifest: ProjectManifest, expected: Expected, codes: readonly CudaCode[], timeoutMs: number | undefined): Promise<PtxComparison> {
  const commands: string[] = [];
  const builds = await Promise.all(codes.map(async (code) => ({ code, build: await buildTranslated({ directory, manifest }, target, code) })));
  for (const { code, build } of builds) {
    commands.push(...build.commands);
    // a small and a large GPU: launches choose other kernels
    for (const multiprocessors of [1, 132]) {
      const { mismatch, run } = await compareOnEmulator(build, manifest, expected, timeoutMs, { order: multiprocessors === 1 ? 4 : 1, multiprocessors, hasWarpgroups: code.architecture === 'sm_90a' });
      commands.push(run.command);
      if (mismatch) return { mismatch: { ...mismatch, target: `PTX for ${code.architecture}` }, notes: [], commands };
    }
  }
  const notes = codes.length === 0 ? [] : [`PTX for ${codes.map(({ architecture }) => architecture).join(', ')} was executed on this machine: every tensor equal`];
  return { mismatch: null, notes, commands };
}

interface PtxComparison {
  readonly mismatch: Mismatch | null;
  readonly notes: readonly string[];
  readonly commands: readonly string[];
}

interface GpuComparison {
  /** For the report; null where no GPU was found, so that nothing ran on one. */
  readonly runner: string | null;
  readonly mismatch: Mismatch | null;
  readonly notes: readonly string[];
  readonly commands: readonly string[];
}

/** Level (c): every tensor of every vector on the GPU, then the graph of whole batches. @throws BuildError, RunError. */
async function compareOnGpu(directory: string, target: Target, manifest: ProjectManifest, expected: Expected, timeoutMs: number | undefined): Promise<GpuComparison> {
  const gpu = findNvcc() === null ? null : await findGpu();
  if (gpu === null) return { runner: null, mismatch: null, notes: ['no GPU was found: the kernels ran in the emulation on this machine, on no GPU'], commands: [] };
  const models = [{ directory, manifest }];
  const trace = await buildDeviceProgram(models, target, 'trace', gpu.architecture);
  const release = await buildDeviceProgram(models, target, 'release', gpu.architecture);
  const seen = await compareOnEmulator(trace, manifest, expected, timeoutMs);
  const run = await runBuild(release, toVectors(expected.vectors), timeoutMs === undefined ? {} : { timeoutMs });
  const { difference } = compareOutputs(modelLog(run.log, manifest, run.command), manifest, expected, run.command);
  return {
    runner: `${gpu.name} (${gpu.architecture}) and CUDA emulated on this machine`,
    mismatch: seen.mismatch ?? (difference && describeDifference(difference, manifest, expected, gpu.name)),
    notes: seen.notes,
    commands: [...trace.commands, ...release.commands, seen.run.command, run.command],
  };
}

/** Levels (a), (b) on PTX, and (c), for as far as this machine reaches. @throws BuildError, RunError. */
export async function verifyCuda(directory: string, target: Target, manifest: ProjectManifest, expected: Expected, timeoutMs: number | undefined): Promise<GpuComparison & Pick<CudaInspection, 'proofs'>> {
  const inspected = await inspectCuda(directory, manifest, target);
  const onPtx = await comparePtx(directory, target, manifest, expected, inspected.codes, timeoutMs);
  const onGpu = await compareOnGpu(directory, target, manifest, expected, timeoutMs);
  return {
    proofs: inspected.proofs,
    runner: onGpu.runner,
    mismatch: onPtx.mismatch ?? onGpu.mismatch,
    notes: [...inspected.notes, ...onPtx.notes, ...onGpu.notes],
    commands: [...inspected.commands, ...onPtx.commands, ...onGpu.commands],
  };
}
