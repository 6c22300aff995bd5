/**
 * Everything that CUDA projects can show, bits, times and peers, as tables for docs/performance.md:
 *   npm run table:cuda [-- --only kws,vit] [--samples 32] [--skip-levels] [--again] [--print] [--write]
 *
 * Levels (a) and (b) run here and are stored in build/table-cuda.json. Then a folder is exported to build/table-cuda/folder, its
 * run.sh measures on this machine's GPU, or compares in the emulation, and what it wrote becomes tables. In two halves, where
 * the GPU is elsewhere, on a machine with nvcc and Python alone:
 *   npm run table:cuda -- --export DIR     then there: DIR/run.sh     then here: npm run table:cuda -- --import DIR/results.json --write
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { findGpu, findNvcc, runProcess } from '../src/toolchains/index.js';
import { CellStore } from './cells.js';
import { exportFolder } from './cuda/export.js';
import { type LevelCell, runLevels } from './cuda/levels.js';
import { loadNetwork, NETWORKS } from './cuda/networks.js';
import { firstDifference, readResults, type Results } from './cuda/results.js';
import { levelsTable, machineText, productsTable, smallTimesTable, timesTable } from './cuda/tables.js';

const { values: given } = parseArgs({
  options: {
    only: { type: 'string' },
    samples: { type: 'string' },
    export: { type: 'string' },
    import: { type: 'string' },
    'skip-levels': { type: 'boolean', default: false },
    again: { type: 'boolean', default: false },
    print: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

const store = resolve('build/table-cuda');
const cells = new CellStore<LevelCell>('table-cuda');
const networks = NETWORKS.filter(({ id }) => given.only === undefined || given.only.split(',').includes(id));
const note = (text: string): void => console.error(text);
/** In the emulation; a GPU gets all of them. */
const REHEARSED = 32;
const RUN_LIMIT_MS = 7_200_000;

async function levels(): Promise<void> {
  for (const network of networks) {
    if (cells.get(network.id) && !given.again) continue;
    if ((await loadNetwork(network, store)) === null) {
      note(`${network.title}: left out, there are no benchmark models (PTQ_GEN_BENCH)`);
      continue;
    }
    try {
      const cell = await runLevels(network.id, join(store, `${network.id}.ptq.json`), network.purpose, join(store, 'levels'));
      cells.save(network.id, cell);
      note(`${network.title}: ${cell.bitExact ? 'bit-exact' : 'DIFFERS'}, ${cell.seconds.toFixed(0)} s`);
    } catch (error) {
      note(`${network.title}: ${(error as Error).message}`);
      process.exitCode = 1;
    }
  }
}

async function exported(directory: string, samples: number | undefined): Promise<void> {
  await exportFolder({ directory: resolve(directory), store, networks, note, ...(samples !== undefined && { samples }) });
}

/** On this machine: the GPU if there is one, else the emulation. */
async function measuredHere(): Promise<Results> {
  const folder = join(store, 'folder');
  const hasGpu = findNvcc() !== null && (await findGpu()) !== null;
  if (!hasGpu) note('no GPU was found: outputs are compared in the emulation, no times are taken');
  await exported(folder, given.samples === undefined ? (hasGpu ? undefined : REHEARSED) : Number(given.samples));
  const results = join(folder, 'results.json');
  const { exitCode, stdout, stderr } = await runProcess('python3', [join(folder, 'cuda-run.py'), '--out', results], { directory: folder, timeoutMs: RUN_LIMIT_MS, environment: hasGpu ? {} : { PTQ_CUDA_EMULATION: '1' } });
  note(stdout);
  if (exitCode !== 0) throw new Error(`cuda-run.py ended with exit code ${exitCode}: ${stderr}`);
  return readResults(results);
}

function tables(results: Results | null): string {
  const rows = NETWORKS.map((network) => ({ network, level: cells.get(network.id), result: results?.networks[network.id] })).filter(({ level, result }) => level !== undefined || result !== undefined);
  const parts = [machineText(results), levelsTable(rows, results)];
  if (results && results.machine.device !== 'emulation') parts.push(timesTable(rows, results), productsTable(rows, results), smallTimesTable(rows));
  return parts.join('\n\n');
}

function write(text: string): void {
  const file = 'docs/performance.md';
  const before = readFileSync(file, 'utf8');
  const marked = /(<!-- table:cuda -->\n)[\s\S]*?(\n<!-- \/table:cuda -->)/;
  if (!marked.test(before)) throw new Error(`${file} has no markers <!-- table:cuda -->`);
  writeFileSync(file, before.replace(marked, (_, open: string, close: string) => `${open}${text}${close}`));
}

async function main(): Promise<void> {
  if (given.export !== undefined) return exported(given.export, given.samples === undefined ? undefined : Number(given.samples));
  let results: Results | null = null;
  if (given.import !== undefined) results = readResults(given.import);
  else if (!given.print) {
    if (!given['skip-levels']) await levels();
    results = await measuredHere();
  }
  for (const network of NETWORKS) {
    const result = results?.networks[network.id];
    const difference = result && (await firstDifference(network, result, store));
    if (difference) {
      note(difference);
      process.exitCode = 1;
    }
  }
  const text = tables(results);
  console.log(text);
  if (given.write) write(text);
}

await main();
