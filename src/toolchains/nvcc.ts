/** NVIDIA's compiler: kernels as PTX and as machine code of one architecture. */
import { accessSync, constants } from 'node:fs';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { ProjectManifest } from '../emit/manifest.js';
import { BuildError, ToolchainMissingError } from '../errors.js';
import { findProgram, runProcess } from './process.js';

export interface CudaKernel {
  /** As in the source. */
  readonly name: string;
  readonly registers: number;
  /** Static shared memory. */
  readonly sharedBytes: number;
  /** Stores and loads of registers that did not fit. */
  readonly spillBytes: number;
}

/** What nvcc made of the kernels for one architecture. */
export interface CudaCode {
  /** `sm_80`. */
  readonly architecture: string;
  readonly ptx: string;
  readonly cubin: Uint8Array;
  readonly kernels: readonly CudaKernel[];
  /** What the compiler said; empty when it had nothing to say. */
  readonly warnings: string;
  readonly commands: readonly string[];
  readonly seconds: number;
}

export interface Gpu {
  readonly name: string;
  readonly architecture: string;
}

/** What ptxas says where it cannot keep products of warpgroups under way. */
const LOSS = /Potential Performance Loss/;

/** On the search path, below CUDA_HOME, or where NVIDIA's packages put it; null where there is none. */
export function findNvcc(): string | null {
  if (findProgram('nvcc') !== null) return 'nvcc';
  const folders = [process.env['CUDA_HOME'], process.env['CUDA_PATH'], '/usr/local/cuda'].filter((folder) => folder !== undefined && folder !== '');
  return folders.map((folder) => join(folder as string, 'bin/nvcc')).find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** @throws ToolchainMissingError where there is no nvcc. */
export function requireNvcc(): string {
  const nvcc = findNvcc();
  if (nvcc !== null) return nvcc;
  throw new ToolchainMissingError('nvcc is not installed', { hint: 'install the CUDA toolkit (12 or later) and put its bin folder on the search path, or set CUDA_HOME' });
}

/**
 * Compiles the kernels of a project, without linking; nothing here needs a GPU.
 *
 * @throws ToolchainMissingError, BuildError with the command and what the compiler said.
 */
export async function compileCuda(directory: string, manifest: ProjectManifest, architecture: string): Promise<CudaCode> {
  const source = manifest.sources.find((name) => name.endsWith('.cu'));
  if (source === undefined) throw new BuildError(`${manifest.modelName}: the project has no CUDA source`, '', '');
  return compileKernels(resolve(directory, source), architecture, resolve(directory, 'build', `cuda-${architecture}`));
}

/** The same of one source file; `folder` is emptied. Headers are sought beside the source and in `includes`. */
export async function compileKernels(source: string, architecture: string, folder: string, includes: readonly string[] = []): Promise<CudaCode> {
  const nvcc = requireNvcc();
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const stem = basename(source).replace(/\.cu$/, '');
  const cubin = join(folder, `${stem}.cubin`);
  const flags = ['-std=c++17', `-arch=${architecture}`, '-Xptxas', '-v', ...[dirname(source), ...includes].map((path) => `-I${path}`)];
  const result = await runProcess(nvcc, [...flags, '--keep', '--keep-dir', folder, '-cubin', source, '-o', cubin], { directory: folder, timeoutMs: 600_000 });
  if (result.exitCode !== 0) throw new BuildError(`cuda: the kernels do not compile for ${architecture}`, result.command, result.stderr);
  const between = (await readdir(folder)).filter((name) => !/\.(ptx|cubin)$/.test(name));
  await Promise.all(between.map((name) => rm(join(folder, name))));
  const said = `${result.stdout}\n${result.stderr}`;
  return {
    architecture,
    ptx: await readFile(join(folder, `${stem}.ptx`), 'utf8'),
    cubin: await readFile(cubin),
    kernels: parseResources(said),
    warnings: said.split('\n').filter((line) => line.trim() !== '' && (LOSS.test(line) || !/^ptxas info|^ {4}\d+ bytes stack frame/.test(line))).join('\n'),
    commands: [result.command],
    seconds: result.seconds,
  };
}

/** What `ptxas -v` says of each kernel. */
export function parseResources(text: string): readonly CudaKernel[] {
  return text.split(/(?=ptxas info\s*: Compiling entry function)/).flatMap((part) => {
    const name = /^ptxas info\s*: Compiling entry function '([^']+)'/.exec(part);
    if (!name) return [];
    // functions that it calls are listed with it
    const spills = [...part.matchAll(/(\d+) bytes spill (?:stores|loads)/g)].map(([, bytes]) => Number(bytes));
    const registers = Number(/Used (\d+) registers/.exec(part)?.[1] ?? 0);
    const sharedBytes = Number(/(\d+) bytes smem/.exec(part)?.[1] ?? 0);
    return [{ name: kernelName(name[1]!), registers, sharedBytes, spillBytes: spills.reduce((sum, bytes) => sum + bytes, 0) }];
  });
}

/** `_Z13tiled_productPKaS0_`, `_ZN12_GLOBAL__N_113tiled_productEv` → `tiled_product`: the last name of a mangled one. */
export function kernelName(mangled: string): string {
  if (!mangled.startsWith('_Z')) return mangled;
  let rest = mangled.slice(2).replace(/^N/, '').replace(/^[LK]/, '');
  let name = mangled;
  for (let length = /^\d+/.exec(rest); length; length = /^\d+/.exec(rest)) {
    const start = length[0].length;
    name = rest.slice(start, start + Number(length[0]));
    rest = rest.slice(start + Number(length[0])).replace(/^L(?=\d)/, '');
    if (!mangled.startsWith('_ZN')) break;
  }
  return name;
}

/** The first GPU that the driver shows; null where there is none, or no driver. */
export async function findGpu(): Promise<Gpu | null> {
  if (findProgram('nvidia-smi') === null) return null;
  const { exitCode, stdout } = await runProcess('nvidia-smi', ['--query-gpu=name,compute_cap', '--format=csv,noheader'], { timeoutMs: 20_000 });
  const found = exitCode === 0 ? /^(.+), (\d+)\.(\d+)$/m.exec(stdout) : null;
  return found ? { name: found[1]!, architecture: withOwnInstructions(`sm_${found[2]}${found[3]}`) } : null;
}

/** `sm_90` has instructions (wgmma) that only code for exactly this architecture may use. */
function withOwnInstructions(architecture: string): string {
  return architecture === 'sm_90' ? 'sm_90a' : architecture;
}
