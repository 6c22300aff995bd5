/** Builds generated CUDA models for this machine out of nvcc's PTX: every kernel is what the compiler made of it, host code and emulation stay. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Target } from '../targets/index.js';
import type { Build, BuildOptions, ProgramModel } from './build.js';
import { buildEmulation } from './cuda-emulation.js';
import type { CudaCode } from './nvcc.js';
import { splicePtx } from './ptx/splice.js';

/** A model and what nvcc made of its kernels. */
export interface CompiledModel extends ProgramModel {
  readonly code: CudaCode;
}

/**
 * The trace build of models with the kernels of their code, all for one architecture.
 *
 * @throws PtxTranslationError, BuildError.
 */
export async function buildTranslated(models: readonly [CompiledModel, ...CompiledModel[]], target: Target, options: BuildOptions = {}): Promise<Build> {
  const folder = options.workDirectory ?? resolve(models[0].directory, 'build', `${target.id}-ptx-${models[0].code.architecture}`);
  await mkdir(`${folder}-source`, { recursive: true });
  const instead = new Map(await Promise.all(models.map((model) => spliced(model, `${folder}-source`))));
  return buildEmulation(models, target, 'trace', { ...options, workDirectory: folder, instead, flags: [...(options.flags ?? []), '-w'] });
}

/** Source → file that takes its place. */
async function spliced({ directory, manifest, code }: CompiledModel, folder: string): Promise<readonly [string, string]> {
  const own = manifest.sources.find((source) => source.endsWith('.cu'))!;
  const source = resolve(directory, own);
  const file = join(folder, basename(own));
  await writeFile(file, splicePtx(await readFile(source, 'utf8'), code.ptx));
  return [source, file];
}
