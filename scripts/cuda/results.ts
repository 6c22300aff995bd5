/** What came back from the machine that measured (cuda-run.py writes it), and which layer a difference began in. */
import { existsSync, readFileSync } from 'node:fs';
import { removeUnused } from '../../src/passes/integer/remove-unused.js';
import { crc32, hex32 } from '../../src/toolchains/crc32.js';
import { emitProject } from '../../src/emit/index.js';
import { graphDigest } from '../../src/emit/digest.js';
import { buildSchedule } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { bytesOf, Expected } from '../../src/verify/index.js';
import { loadNetwork, type Network } from './networks.js';
import { repeatSamples } from './samples.js';

/** Milliseconds of one batch over the rounds. */
export interface Times {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface NetworkResult {
  readonly buildSeconds?: number;
  readonly tensors?: { readonly checked: number; readonly wrong: readonly string[] } | null;
  readonly outputs?: { readonly samples: number; readonly different: number; readonly first: readonly number[]; readonly seconds: number; readonly tensors?: Readonly<Record<string, string>> } | null;
  readonly times?: Readonly<Record<string, Times>>;
  readonly errors?: readonly string[];
}

export interface PeerResult {
  readonly torch?: string;
  readonly times?: Readonly<Record<string, Times>>;
  readonly error?: string;
}

export interface Results {
  /** `device` is 'emulation' where there was no GPU. */
  readonly machine: { readonly device: string; readonly compiler: string; readonly driver?: string; readonly architecture?: string; readonly clockMhz?: string };
  readonly networks: Readonly<Record<string, NetworkResult>>;
  readonly peers: Readonly<Record<string, PeerResult>>;
}

/** @throws Error where the file holds no results. */
export function readResults(file: string): Results {
  if (!existsSync(file)) throw new Error(`there are no results at ${file}: run.sh of the exported folder writes them`);
  const results = JSON.parse(readFileSync(file, 'utf8')) as Partial<Results>;
  if (!results.machine || !results.networks || !results.peers) throw new Error(`${file} holds no results of run.sh`);
  return results as Results;
}

/** Tensors in the order of the project's steps: the first that differs names the layer. Null where nothing differed. */
export async function firstDifference(network: Network, { tensors, outputs }: NetworkResult, store: string): Promise<string | null> {
  const { id } = network;
  const isWrong = (tensors?.wrong.length ?? 0) > 0 || (outputs?.different ?? 0) > 0;
  if (!isWrong) return null;
  const loaded = await loadNetwork(network, store);
  if (!loaded) return `${id}: codes differ; the benchmark models are not here, so that the layer cannot be named`;
  const graph = removeUnused(loaded.graph);
  const { manifest } = emitProject(buildSchedule(graph, findTarget('cuda')), { commandLine: 'npm run table:cuda' });
  const named = (vector: string, tensor: number): string => {
    const { id: tensorId } = manifest.tensors[tensor]!;
    const node = graph.nodes.find((candidate) => candidate.outputs.includes(tensorId));
    return `${id}: ${vector} differs first at ${node ? `layer '${node.origin.nodeName}' (${node.op})` : `input '${tensorId}'`}`;
  };
  const byStep = (a: number, b: number): number => manifest.tensors[a]!.step - manifest.tensors[b]!.step;
  if (tensors && tensors.wrong.length > 0) {
    const vector = tensors.wrong[0]!.split(' ')[0]!;
    const wrong = tensors.wrong.map((key) => key.split(' ')).filter(([v]) => v === vector).map(([, tensor]) => Number(tensor));
    return named(`vector ${vector}`, wrong.sort(byStep)[0]!);
  }
  const sample = outputs!.first[0]!;
  const seen = outputs!.tensors;
  if (!seen || graph.states.length > 0) return `${id}: the outputs of sample ${sample} differ`;
  const expected = new Expected(graph, [repeatSamples(graph, loaded.base, sample, sample + 1)]);
  const wrong = manifest.tensors.map((_, i) => i).filter((i) => seen[`0 ${i}`] !== undefined && seen[`0 ${i}`] !== hex32(crc32(bytesOf(expected.tensors(0).get(manifest.tensors[i]!.id)!))));
  if (wrong.length === 0) return `${id}: the outputs of sample ${sample} differ, no tensor does in the trace build: look at the graph of launches (graph ${graphDigest(graph).slice(0, 12)})`;
  return named(`sample ${sample}`, wrong.sort(byStep)[0]!);
}
