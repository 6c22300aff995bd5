/** Where the benchmark models and arithmetic vectors are, if they are; and a count of what their absence leaves out. */
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const repository = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** Folder of the benchmark models (PTQ_GEN_BENCH, default ../shared/bench beside the checkout), null where it is absent. */
export function benchDirectory(): string | null {
  const directory = resolve(repository, process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
  return existsSync(join(directory, 'models')) ? directory : null;
}

/** One file of arithmetic vectors (`csd.json`), null where they are absent. */
export function goldenFile(name: string): string | null {
  const bench = benchDirectory();
  const file = bench && join(bench, '../golden', name);
  return file && existsSync(file) ? file : null;
}

/** Says how many cases are left out and why; test/run-all.ts adds these lines up. */
export function leftOut(cases: number, why: string): void {
  console.log(`LEFT-OUT ${cases} ${why}`);
}

export function repositoryRoot(): string {
  return repository;
}
