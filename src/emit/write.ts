/** A generated project onto the disk: whole or not at all. */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { FileError } from '../errors.js';
import type { GeneratedProject } from './project.js';

/**
 * Writes to a neighbouring folder and renames. What was there before is replaced only if it is a generated project (or
 * empty); its `build/` goes with it. Throws FileError.
 */
export async function writeProject(project: GeneratedProject, folder: string): Promise<void> {
  const target = resolve(folder);
  await refuseForeign(target);
  let temporary: string | null = null;
  try {
    await mkdir(dirname(target), { recursive: true });
    temporary = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
    for (const [path, content] of project.files) {
      await mkdir(dirname(join(temporary, path)), { recursive: true });
      await writeFile(join(temporary, path), content);
    }
    await replace(target, temporary);
  } catch (cause) {
    if (temporary) await rm(temporary, { recursive: true, force: true });
    throw cannotWrite(folder, cause as Error);
  }
}

/** Two renames, so that there is no moment at which an interruption leaves half a project. */
async function replace(target: string, fresh: string): Promise<void> {
  const old = `${fresh}-old`;
  await rename(target, old).catch(ignoreMissing);
  try {
    await rename(fresh, target);
  } catch (error) {
    await rename(old, target).catch(ignoreMissing);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error;
}

function cannotWrite(folder: string, cause: Error): FileError {
  return new FileError(`cannot write the folder ${folder}: ${cause.message}`, { cause, hint: 'name a folder that you may write with --out' });
}

/** Never deletes what this tool did not write. */
async function refuseForeign(target: string): Promise<void> {
  let entries: readonly string[];
  try {
    entries = await readdir(target);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return;
    throw cannotWrite(target, cause as Error);
  }
  if (entries.length === 0) return;
  const manifest = await readFile(join(target, 'test/manifest.json'), 'utf8').catch(() => '');
  if (!manifest.includes('"schemaVersion"')) {
    throw new FileError(`${target} is not empty and holds no generated project`, { hint: 'name another folder with --out, or empty it' });
  }
}
