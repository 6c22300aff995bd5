/** Writing files so that nothing half-written stays behind. */
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from './errors.js';

/** Writes to a neighbour and renames; creates the folder. */
export async function writeFileWhole(path: string, contents: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(temporary, contents);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new FileError(`cannot write ${path}: ${(cause as Error).message}`, { cause, hint: 'name a file in a folder that you may write' });
  }
}
