/** Runs a CUDA program over many samples in large batches. */
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RunError } from '../errors.js';
import type { Build } from './build.js';
import { parseLog } from './log.js';
import { runProcess } from './process.js';
import { encodeVectors, type Vector } from './vectors-file.js';

export interface BatchRun {
  /** Bytes of all outputs of every vector, one after the other. */
  readonly outputs: readonly Uint8Array[];
  readonly command: string;
  /** Of the whole program: reading the inputs, copying, computing, writing the outputs. */
  readonly seconds: number;
}

const TIMEOUT_MS = 3_600_000;

/** `batch`: samples of one launch; networks that remember run one by one. @throws RunError. */
export async function runBatches(build: Build, vectors: readonly Vector[], batch: number): Promise<BatchRun> {
  const { modelName } = build.models[0]!.manifest;
  const log = join(build.directory, 'output.log');
  await rm(log, { force: true });
  await writeFile(join(build.directory, 'vectors.bin'), encodeVectors(vectors));
  const result = await runProcess(build.elf, [], { directory: build.directory, timeoutMs: TIMEOUT_MS, environment: { PTQ_BATCH: String(batch) } });
  if (result.exitCode !== 0) throw new RunError(`cuda: the program ended with ${result.timedOut ? 'its time limit' : `exit code ${result.exitCode}`}`, result.command, result.stderr);
  const outputs = parseLog(await readFile(log, 'latin1'), result.command, result.stderr).get(modelName)?.outputs;
  const missing = vectors.find(({ index }) => !outputs?.has(index));
  if (missing) throw new RunError(`cuda: the program printed no outputs of sample ${missing.index}`, result.command, result.stderr);
  return { outputs: vectors.map(({ index }) => outputs!.get(index)!), command: result.command, seconds: result.seconds };
}
