/** Builds generated CUDA models for this machine: the same kernels, compiled by g++, every thread of a block emulated. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { BuildError } from '../errors.js';
import type { Target } from '../targets/index.js';
import type { Build, BuildOptions, ProgramModel, Variant } from './build.js';
import { renderCudaModels } from './cuda-harness.js';
import { cudaHarnessFolder } from './paths.js';
import { type ProcessResult, runProcess } from './process.js';

const WARNINGS = ['-Wall', '-Wextra', '-Wshadow', '-Wno-unknown-pragmas'];
const SANITIZERS = ['-fsanitize=undefined,address', '-fno-sanitize-recover=all'];

/** @throws BuildError with the command and what the compiler said. */
export async function buildEmulation(models: readonly ProgramModel[], target: Target, variant: Variant, options: BuildOptions): Promise<Build> {
  const started = performance.now();
  const directory = resolve(options.workDirectory ?? join(models[0]!.directory, 'build', `${target.id}-${variant}`));
  await rm(directory, { recursive: true, force: true });
  await mkdir(directory, { recursive: true });
  const commands: string[] = [];
  const run = async (compiler: string, args: readonly string[], what: string): Promise<ProcessResult> => {
    const result = await runProcess(compiler, args, { directory, timeoutMs: 600_000 });
    commands.push(result.command);
    if (result.exitCode !== 0) throw new BuildError(`${target.id}: ${what}`, result.command, result.stderr);
    return result;
  };
  const flags = [...variantFlags(target, variant), ...(options.flags ?? [])];
  const includes = [`-I${cudaHarnessFolder}`, ...models.map((model) => `-I${resolve(model.directory)}`)];
  const glue = join(directory, 'models.cpp');
  await writeFile(glue, renderCudaModels(models.map((model) => model.manifest)));
  const sources = models.flatMap((model) => model.manifest.sources.map((source) => resolve(model.directory, source))).map((source) => options.instead?.get(source) ?? source);
  const device = sources.filter((source) => source.endsWith('.cu'));
  const constants = sources.filter((source) => source.endsWith('.c'));
  const cpp = (list: readonly string[], more: readonly string[], what: string): Promise<ProcessResult> => run('g++', ['-std=c++17', '-DPTQ_CUDA_EMULATION', ...flags, ...more, ...includes, '-c', '-x', 'c++', ...list], `${what} does not compile`);
  const [compiled] = await Promise.all([
    cpp(device, WARNINGS, 'the generated model'),
    cpp([glue, join(cudaHarnessFolder, 'harness.cpp')], [], 'the harness'),
    constants.length > 0 ? run('gcc', ['-std=c99', '-O1', ...includes, '-c', ...constants], 'the constants do not compile') : null,
  ]);
  const modelObjects = sources.map((source) => objectOf(source, directory));
  const elf = join(directory, 'program.elf');
  const mapFile = join(directory, 'program.map');
  await run('g++', [...flags, ...modelObjects, objectOf(glue, directory), join(directory, 'harness.o'), `-Wl,-Map=${mapFile}`, '-o', elf], 'the program does not link');
  return { target, variant, directory, elf, mapFile, models, modelObjects, externalObjects: [], commands, warnings: compiled.stderr, seconds: (performance.now() - started) / 1000 };
}

function variantFlags({ optimization }: Target, variant: Variant): readonly string[] {
  if (variant === 'sanitize') return ['-O1', '-g', ...SANITIZERS, '-DPTQ_TRACE'];
  return [optimization, ...(variant === 'trace' ? ['-DPTQ_TRACE'] : [])];
}

function objectOf(source: string, directory: string): string {
  return join(directory, basename(source).replace(/\.(cu|cpp|c)$/, '.o'));
}
