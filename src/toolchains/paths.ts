/** Where the harness's sources are: beside the package, both from source and from dist. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error('the package that holds this file has no package.json');
    folder = parent;
  }
  return folder;
}

export const packageFolder = packageRoot();

/** Folder of the harness: main loop, start-up, linker scripts. */
export const harnessFolder = join(packageFolder, 'templates/c/project/harness');

/** The same for CUDA: main loop, emulation of kernels on this machine. */
export const cudaHarnessFolder = join(packageFolder, 'templates/cuda/project/harness');
