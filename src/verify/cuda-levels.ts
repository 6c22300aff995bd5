/**
 * What stands behind a CUDA project: (a) nvcc compiles the kernels for every architecture, and PTX and machine code are
 * examined; (b) the kernels run in an emulation on this machine, first their source, which every verification does, then the
 * PTX that nvcc made of it; (c) they run on a GPU.
 */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Mismatch } from '../errors.js';
import type { Target } from '../targets/index.js';
import { type Build, buildDeviceProgram, buildTranslated, type CompiledModel, type CudaCode, compileCuda, type EmulatedDevice, findGpu, findNvcc, PtxTranslationError, runBuild } from '../toolchains/index.js';
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
  const builds = await Promise.all(codes.map((code) => translatedOrReason({ directory, manifest, code }, target)));
  const commands: string[] = [];
  const executed: string[] = [];
  const notes: string[] = [];
  for (const [i, build] of builds.entries()) {
    const { architecture } = codes[i]!;
    if (typeof build === 'string') {
      notes.push(`PTX for ${architecture} was not executed: ${build}`);
      continue;
    }
    commands.push(...build.commands);
    for (const device of devicesOf(architecture)) {
      const { mismatch, run } = await compareOnEmulator(build, manifest, expected, timeoutMs, device);
      commands.push(run.command);
      if (mismatch) return { mismatch: { ...mismatch, target: `PTX for ${architecture}` }, notes, commands };
    }
    executed.push(architecture);
  }
  if (executed.length > 0) notes.push(`PTX for ${executed.join(', ')} was executed on this machine: every tensor equal`);
  return { mismatch: null, notes, commands };
}

/** A small and a large GPU: launches choose other kernels. */
function devicesOf(architecture: string): readonly EmulatedDevice[] {
  const hasWarpgroups = architecture === 'sm_90a';
  return [{ order: 4, multiprocessors: 1, hasWarpgroups }, { order: 1, multiprocessors: 132, hasWarpgroups }];
}

/** A later compiler may write instructions that nobody has met yet: no difference of bits, but something to say. */
async function translatedOrReason(model: CompiledModel, target: Target): Promise<Build | string> {
  try {
    return await buildTranslated([model], target);
  } catch (error) {
    if (error instanceof PtxTranslationError) return error.message;
    throw error;
  }
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
