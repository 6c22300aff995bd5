/** Compares what a program printed with what the simulator says. */
import type { ProjectManifest } from '../emit/manifest.js';
import { type Mismatch, RunError } from '../errors.js';
import type { Codes } from '../graph/integer.js';
import { crc32, type ModelLog, type Run, tensorOf } from '../toolchains/index.js';
import { bytesOf, type Expected } from './expected.js';

export interface Difference {
  readonly vector: number;
  /** Index into the manifest's tensors. */
  readonly tensor: number;
  /** What the firmware holds, where the log says it (outputs); null: only its CRC-32 is known. */
  readonly bytes: Uint8Array | null;
  readonly crc32: number;
}

export interface Comparison {
  /** Tensors whose CRC-32 (and outputs whose bytes) were compared, over all vectors. */
  readonly compared: number;
  /** The earliest step's tensor of the first vector that differs. */
  readonly difference: Difference | null;
}

/** One run and what came of comparing it. */
export interface Observed {
  readonly comparison: Comparison;
  readonly mismatch: Mismatch | null;
  readonly run: Pick<Run, 'command' | 'seconds'>;
  readonly notes: readonly string[];
}

/** Every tensor of every vector, then every output. @throws RunError where the log lacks one. */
export function compareTrace(log: ModelLog, manifest: ProjectManifest, expected: Expected, command: string): Comparison {
  const order = manifest.tensors.map((_, index) => index).sort((a, b) => manifest.tensors[a].step - manifest.tensors[b].step || a - b);
  let compared = 0;
  for (let vector = 0; vector < expected.vectors.length; vector++) {
    const crcs = log.tensors.get(vector);
    const tensors = expected.tensors(vector);
    for (const index of order) {
      const actual = crcs?.get(index);
      const { id } = manifest.tensors[index];
      if (actual === undefined) throw new RunError(`the log lacks tensor '${id}' of vector ${vector}`, command, '');
      compared++;
      if (actual !== crc32(bytesOf(tensors.get(id) as Codes))) return { compared, difference: { vector, tensor: index, bytes: null, crc32: actual } };
    }
    const difference = outputDifference(log, manifest, expected, vector, command);
    if (difference) return { compared, difference };
  }
  return { compared, difference: null };
}

/** The outputs of every vector. @throws RunError where the log lacks one. */
export function compareOutputs(log: ModelLog, manifest: ProjectManifest, expected: Expected, command: string): Comparison {
  let compared = 0;
  for (let vector = 0; vector < expected.vectors.length; vector++) {
    compared += manifest.outputs.length;
    const difference = outputDifference(log, manifest, expected, vector, command);
    if (difference) return { compared, difference };
  }
  return { compared, difference: null };
}

function outputDifference(log: ModelLog, manifest: ProjectManifest, expected: Expected, vector: number, command: string): Difference | null {
  const actual = log.outputs.get(vector);
  if (!actual) throw new RunError(`the log lacks the outputs of vector ${vector}`, command, '');
  const wanted = expected.outputs(vector);
  if (Buffer.compare(actual, wanted) === 0) return null;
  let start = 0;
  for (const port of manifest.outputs) {
    const tensor = tensorOf(manifest, port.tensor);
    const bytes = actual.subarray(start, start + tensor.bytes);
    if (Buffer.compare(bytes, wanted.subarray(start, start + tensor.bytes)) !== 0) {
      return { vector, tensor: manifest.tensors.indexOf(tensor), bytes, crc32: crc32(bytes) };
    }
    start += tensor.bytes;
  }
  throw new RunError(`the outputs of vector ${vector} have ${actual.length} bytes instead of ${wanted.length}`, command, '');
}

/** The difference with the tensor's bytes, where the second run shows the same fault. */
export function withDump(difference: Difference, log: ModelLog): Difference {
  return { ...difference, bytes: log.dump?.bytes ?? difference.bytes };
}

/** The model's own lines; a log without `PTQ1 M` speaks of the only model there is. */
export function modelLog(log: ReadonlyMap<string, ModelLog>, manifest: ProjectManifest, command: string): ModelLog {
  const found = log.get(manifest.modelName) ?? log.get('');
  if (!found) throw new RunError(`the log speaks of ${[...log.keys()].join(', ') || 'no model'}, not of '${manifest.modelName}'`, command, '');
  return found;
}
