/** Levels (a) and (b) of a network: nvcc, the proofs and the emulation, on this machine. */
import { join } from 'node:path';
import { resolveOptions } from '../../src/options.js';
import { runRoad } from '../../src/pipeline.js';
import { silentProgress } from '../../src/progress.js';
import { findNvcc } from '../../src/toolchains/index.js';
import type { Purpose } from './networks.js';

export interface LevelCell {
  readonly macs: number;
  /** Null where there was no nvcc. */
  readonly architectures: string | null;
  /** "12, 80": kernels and most registers, on sm_80. */
  readonly kernels: string | null;
  readonly spills: string;
  readonly noFloat: boolean | null;
  readonly noMultiply: boolean | null;
  readonly details: readonly string[];
  readonly vectors: number;
  readonly tensors: number;
  readonly unfused: number;
  readonly bitExact: boolean | null;
  readonly seconds: number;
}

const VECTORS: Readonly<Record<Purpose, number>> = { bits: 2, times: 1, product: 1 };

/** `graph` is the file of the integer graph; the project goes to `folder`. */
export async function runLevels(id: string, graph: string, purpose: Purpose, folder: string): Promise<LevelCell> {
  const started = performance.now();
  const options = resolveOptions({ model: graph, target: 'cuda', vectors: VECTORS[purpose], out: join(folder, id) });
  const [result] = await runRoad(options, silentProgress);
  const { report, notes } = result!;
  const compiled = notes.map((note) => /^(sm_\w+): (\d+) kernels, at most (\d+) registers.*, (\w.*)$/.exec(note)).filter((match) => match !== null);
  const middle = compiled.find(([, architecture]) => architecture === 'sm_80') ?? compiled[0];
  return {
    macs: report.cost.macsExecuted,
    architectures: findNvcc() === null ? null : compiled.map(([, architecture]) => architecture).join(', '),
    kernels: middle ? `${middle[2]}, ${middle[3]}` : null,
    spills: compiled.filter(([, , , , text]) => text !== 'none spills').map(([, architecture, , , text]) => `${text} on ${architecture}`).join('; '),
    noFloat: report.proofs.noFloat,
    // Only networks of shifts promise it.
    noMultiply: report.arith === 'shift' ? report.proofs.noMultiply : null,
    details: report.proofs.details,
    vectors: report.verify.vectors,
    tensors: report.verify.tensorsCompared,
    unfused: report.verify.tensorsCheckedUnfused.length,
    bitExact: report.verify.bitExact,
    seconds: (performance.now() - started) / 1000,
  };
}
