/**
 * What the kernels of a CUDA project ask of a GPU, without one: `npx tsx scripts/cuda-profile.ts DIR [ARCHITECTURE] [MULTIPROCESSORS]`.
 *
 * nvcc's PTX of a generated project is executed on this machine with the project's own vectors, and counted: instructions of
 * warps, products of tensor cores, sectors of device memory, passes of shared memory, each beside the fewest that the same bytes
 * need. Counts, no times: caches, latencies and what ptxas merges are not in them. A product of warpgroups (sm_90a) reads shared
 * memory uncounted.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { table } from '../src/report/terminal.js';
import { findTarget } from '../src/targets/index.js';
import { buildTranslated, compileCuda, readManifest, runBuild } from '../src/toolchains/index.js';
import { loadVerification } from '../src/verify/index.js';
import { toVectors } from '../src/verify/expected.js';

const [folder, architecture = 'sm_80', multiprocessors = '1'] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: cuda-profile.ts DIR [ARCHITECTURE] [MULTIPROCESSORS]');
const directory = resolve(folder);
const manifest = await readManifest(directory);
const { vectors } = await loadVerification(directory);
const work = await mkdtemp(join(tmpdir(), 'ptq-gen-profile-'));
const file = join(work, 'profile.txt');
process.env['PTQ_CUDA_PROFILE'] = file;
try {
  const code = await compileCuda(directory, manifest, architecture);
  const build = await buildTranslated([{ directory, manifest, code }], findTarget('cuda'), { workDirectory: join(work, 'program'), flags: ['-DPTX_PROFILE'] });
  await runBuild(build, toVectors(vectors.map(({ inputs }) => inputs)), { device: { order: 0, multiprocessors: Number(multiprocessors), hasWarpgroups: architecture === 'sm_90a' } });
  const rows = (await readFile(file, 'utf8')).trim().split('\n').map(rowOf);
  console.log(table(['kernel', 'warps', 'instructions', 'products', 'instructions a 1,024 products', 'sectors', 'fewest', 'passes', 'fewest'], rows, [1, 2, 3, 4, 5, 6, 7, 8]));
} finally {
  await rm(work, { recursive: true, force: true });
}

function rowOf(line: string): readonly string[] {
  const [name, ...numbers] = line.split(' ') as [string, ...string[]];
  const [warps, instructions, products, sectors, fewestSectors, passes, fewestPasses] = numbers.map(Number) as [number, number, number, number, number, number, number];
  const text = (n: number): string => n.toLocaleString('en');
  return [name, text(warps), text(instructions), text(products), products === 0 ? '–' : ((1024 * instructions) / products).toFixed(1), text(sectors), text(fewestSectors), text(passes), text(fewestPasses)];
}
