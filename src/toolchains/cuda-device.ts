/** Builds generated CUDA models for a GPU of this machine, with the harness of the emulation. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BuildError } from '../errors.js';
import type { Target } from '../targets/index.js';
import type { Build, ProgramModel, Variant } from './build.js';
import { renderCudaModels } from './cuda-harness.js';
import { requireNvcc } from './nvcc.js';
import { cudaHarnessFolder } from './paths.js';
import { runProcess } from './process.js';

/**
 * One program for one architecture (`sm_90`), below `build/cuda-<variant>-<architecture>` of the first model. Linking needs no
 * GPU, running does.
 *
 * @throws ToolchainMissingError, BuildError with the command and what the compiler said.
 */
export async function buildDeviceProgram(models: readonly ProgramModel[], target: Target, variant: Variant, architecture: string): Promise<Build> {
  const nvcc = requireNvcc();
  const started = performance.now();
  const directory = resolve(models[0]!.directory, 'build', `${target.id}-${variant}-${architecture}`);
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const commands: string[] = [];
  const said: string[] = [];
  const run = async (compiler: string, args: readonly string[], what: string): Promise<void> => {
    const result = await runProcess(compiler, args, { directory, timeoutMs: 600_000 });
    commands.push(result.command);
    if (result.exitCode !== 0) throw new BuildError(`${target.id}, ${architecture}: ${what}`, result.command, result.stderr);
    if (result.stderr.trim() !== '') said.push(result.stderr.trim());
  };
  const glue = join(directory, 'models.cpp');
  await writeFile(glue, renderCudaModels(models.map((model) => model.manifest)));
  const sources = models.flatMap((model) => model.manifest.sources.map((source) => resolve(model.directory, source)));
  const device = sources.filter((source) => source.endsWith('.cu'));
  const constants = sources.filter((source) => source.endsWith('.c'));
  const elf = join(directory, 'program.elf');
  const mapFile = join(directory, 'program.map');
  const constantObjects = constants.map((source, i) => ({ source, object: join(directory, `constants-${i}.o`) }));
  const includes = [cudaHarnessFolder, ...models.map((model) => resolve(model.directory))].map((path) => `-I${path}`);
  for (const { source, object } of constantObjects) await run('gcc', ['-std=c99', '-O1', ...includes, '-c', source, '-o', object], 'the constants do not compile');
  const flags = ['-std=c++17', '-O2', `-arch=${architecture}`, ...(variant === 'release' ? [] : ['-DPTQ_TRACE']), '-Xlinker', `-Map=${mapFile}`];
  const objects = constantObjects.map(({ object }) => object);
  await run(nvcc, [...flags, ...includes, ...device, glue, join(cudaHarnessFolder, 'harness.cpp'), ...objects, '-o', elf], 'the program does not build');
  return { target, variant, directory, elf, mapFile, models, modelObjects: objects, externalObjects: [], commands, warnings: said.join('\n'), seconds: (performance.now() - started) / 1000 };
}
