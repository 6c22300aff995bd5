/** Where the tool's own files lie: the folder of package.json, from src/ (tsx) and from dist/ alike. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

let found: string | undefined;

export function packageRoot(): string {
  found ??= search(dirname(fileURLToPath(import.meta.url)));
  return found;
}

/** The nearest folder at or above `start` that holds both package.json and templates/. */
function search(start: string): string {
  for (let folder = start; ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json')) && existsSync(join(folder, 'templates'))) return folder;
    if (dirname(folder) === folder) throw new Error(`no package.json with templates/ above ${start}`);
  }
}
