/** Builds generated CUDA models for this machine out of nvcc's PTX: every kernel is what the compiler made of it, host code and emulation stay. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Target } from '../targets/index.js';
import type { Build, BuildOptions, ProgramModel } from './build.js';
import { buildEmulation } from './cuda-emulation.js';
import type { CudaCode } from './nvcc.js';
import { splicePtx } from './ptx/splice.js';

/**
 * The trace build of one model with the kernels of `code`.
 *
 * @throws PtxTranslationError, BuildError.
 */
export async function buildTranslated(model: ProgramModel, target: Target, code: CudaCode, options: BuildOptions = {}): Promise<Build> {
  const own = model.manifest.sources.find((source) => source.endsWith('.cu'))!;
  const source = resolve(model.directory, own);
  const folder = options.workDirectory ?? resolve(model.directory, 'build', `${target.id}-ptx-${code.architecture}`);
  const spliced = join(`${folder}-source`, basename(own));
  await mkdir(`${folder}-source`, { recursive: true });
  await writeFile(spliced, splicePtx(await readFile(source, 'utf8'), code.ptx));
  return buildEmulation([model], target, 'trace', { ...options, workDirectory: folder, instead: new Map([[source, spliced]]), flags: [...(options.flags ?? []), '-w'] });
}
