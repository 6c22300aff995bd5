/** A folder that measures on a machine with a GPU, nvcc and Python, and nothing else: projects, inputs, expected codes, programs. */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { emitProject } from '../../src/emit/index.js';
import { packageRoot } from '../../src/package-root.js';
import { removeUnused } from '../../src/passes/integer/remove-unused.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { executedMacs } from '../../src/simulation/evaluate.js';
import { sampleAt } from '../../src/simulation/encode.js';
import { findTarget } from '../../src/targets/index.js';
import { crc32, hex32 } from '../../src/toolchains/crc32.js';
import { renderCudaModels } from '../../src/toolchains/cuda-harness.js';
import { encodeVectors } from '../../src/toolchains/vectors-file.js';
import { bytesOf, Expected, toVectors } from '../../src/verify/index.js';
import { expectedCrcs } from './expected.js';
import { type LoadedNetwork, loadNetwork, type Network, type Purpose } from './networks.js';
import { PEERS } from './peers.js';
import { samplesFile } from './samples.js';

/** Samples whose outputs are compared, and vectors of which every tensor is. */
const SAMPLES: Readonly<Record<Purpose, number>> = { bits: 10_000, times: 8, product: 1 };
const VECTORS: Readonly<Record<Purpose, number>> = { bits: 4, times: 1, product: 0 };
const BATCHES: Readonly<Record<Purpose, readonly number[]>> = { bits: [1, 8, 64], times: [1, 8, 64], product: [1] };
/** Of the launches that compare. */
const COMPARED_BATCH = 250;
/** Binary files beyond this are packed: what is made up repeats. */
const MOST_PLAIN_BYTES = 2 ** 20;

/** What the other machine reads of a network. */
export interface PlannedNetwork {
  readonly id: string;
  /** Stem of its files. */
  readonly model: string;
  /** sha256 of all generated files and inputs: results of other ones do not count. */
  readonly source: string;
  readonly macs: number;
  readonly samples: number;
  readonly batch: number;
  readonly batches: readonly number[];
  /** "vector tensor" → CRC-32, as the harness prints them. */
  readonly tensors: Readonly<Record<string, string>>;
}

export interface ExportOptions {
  readonly directory: string;
  /** Where graphs and the simulator's answers are kept. */
  readonly store: string;
  readonly networks: readonly Network[];
  /** Fewer samples than planned, for a rehearsal. */
  readonly samples?: number;
  readonly note: (text: string) => void;
}

/** Networks without their benchmark files are left out, and named. */
export async function exportFolder({ directory, store, networks, samples, note }: ExportOptions): Promise<readonly PlannedNetwork[]> {
  rmSync(join(directory, 'networks'), { recursive: true, force: true });
  mkdirSync(join(directory, 'networks'), { recursive: true });
  const planned: PlannedNetwork[] = [];
  for (const network of networks) {
    const loaded = await loadNetwork(network, store);
    if (loaded === null) {
      note(`${network.title}: left out, there are no benchmark models (PTQ_GEN_BENCH)`);
      continue;
    }
    planned.push(await exportNetwork(network, loaded, join(directory, 'networks', network.id), store, samples ?? SAMPLES[network.purpose], note));
    note(`${network.title}: exported`);
  }
  const root = packageRoot();
  cpSync(join(root, 'templates/cuda/project/harness'), join(directory, 'harness'), { recursive: true });
  cpSync(join(root, 'scripts/peers/cuda-run.py'), join(directory, 'cuda-run.py'));
  cpSync(join(root, 'scripts/peers/pytorch.py'), join(directory, 'pytorch.py'));
  writeFileSync(join(directory, 'run.sh'), '#!/bin/sh\nexec python3 "$(dirname "$0")/cuda-run.py" "$@"\n');
  chmodSync(join(directory, 'run.sh'), 0o755);
  writeFileSync(join(directory, 'plan.json'), `${JSON.stringify({ networks: planned, peers: PEERS }, null, 1)}\n`);
  return planned;
}

async function exportNetwork({ id, purpose }: Network, { graph: whole, base }: LoadedNetwork, folder: string, store: string, samples: number, note: (text: string) => void): Promise<PlannedNetwork> {
  const graph = removeUnused(whole);
  const project = emitProject(buildSchedule(graph, findTarget('cuda')), { commandLine: 'npm run table:cuda' });
  const { manifest } = project;
  const recorded = samplesFile(graph, base);
  const hash = createHash('sha256').update(recorded);
  for (const [path, content] of project.files) {
    hash.update(path).update(content);
    writeWhole(join(folder, 'project', path), content);
  }
  writeWhole(join(folder, 'models.cpp'), renderCudaModels([manifest]));
  writeWhole(join(folder, 'samples.bin'), recorded);
  const count = Math.min(samples, SAMPLES[purpose]);
  const { crcs, seconds, computed } = await expectedCrcs(graph, base, count, join(store, `${id}-${manifest.digest.slice(0, 16)}-${hex32(crc32(recorded))}.crc`), (text) => note(`${id}: ${text}`));
  if (computed > 0) note(`${id}: simulated ${computed} samples in ${seconds.toFixed(1)} s`);
  writeWhole(join(folder, 'expected.bin'), new Uint8Array(crcs.buffer));
  const vectors = Array.from({ length: Math.min(VECTORS[purpose], base.count) }, (_, i) => sampleAt(graph, base.codes, i));
  writeWhole(join(folder, 'vectors.bin'), encodeVectors(toVectors(vectors)));
  const expected = new Expected(graph, vectors);
  const tensors = vectors.flatMap((_, vector) => manifest.tensors.map(({ id }, i) => [`${vector} ${i}`, hex32(crc32(bytesOf(expected.tensors(vector).get(id)!)))] as const));
  return { id, model: manifest.modelName, source: hash.digest('hex').slice(0, 32), macs: executedMacs(graph), samples: count, batch: COMPARED_BATCH, batches: BATCHES[purpose], tensors: Object.fromEntries(tensors) };
}

function writeWhole(path: string, content: string | Uint8Array): void {
  mkdirSync(resolve(path, '..'), { recursive: true });
  if (content.length > MOST_PLAIN_BYTES && path.endsWith('.bin')) writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  else writeFileSync(path, content);
}
