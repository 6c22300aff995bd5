/** What the simulator says of thousands of samples: a CRC-32 of the outputs of each, kept in files that grow. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type IntegerGraph, integerTensor } from '../../src/graph/integer.js';
import { elementCount } from '../../src/graph/float.js';
import { executedMacs, simulateBatch } from '../../src/simulation/evaluate.js';
import { crc32 } from '../../src/toolchains/crc32.js';
import { type BaseSamples, repeatSamples } from './samples.js';

/** Work of the simulator between two looks at the clock, in multiply-accumulates, and samples of it at most. */
const CHUNK_MACS = 2e10;
const MOST_AT_ONCE = 1000;

export interface Expectation {
  /** One CRC a sample. */
  readonly crcs: Uint32Array;
  /** Of the samples that were computed now. */
  readonly seconds: number;
  readonly computed: number;
}

/** The first `count` samples; `file` holds those of earlier calls for the same graph and inputs. */
export async function expectedCrcs(graph: IntegerGraph, base: BaseSamples, count: number, file: string, note: (text: string) => void): Promise<Expectation> {
  const known = existsSync(file) ? wordsOf(readFileSync(file)) : new Uint32Array(0);
  // States make every output depend on all samples before it.
  const start = graph.states.length > 0 && known.length < count ? 0 : Math.min(known.length, count);
  const crcs = new Uint32Array(count);
  crcs.set(known.subarray(0, start));
  const step = graph.states.length > 0 ? count : Math.max(1, Math.min(MOST_AT_ONCE, Math.floor(CHUNK_MACS / Math.max(1, executedMacs(graph)))));
  const started = performance.now();
  for (let first = start; first < count; first += step) {
    const last = Math.min(count, first + step);
    crcs.set(await simulated(graph, base, first, last), first);
    writeFileSync(file, Buffer.from(crcs.buffer, 0, 4 * last));
    note(`${last} of ${count} samples simulated`);
  }
  return { crcs, seconds: (performance.now() - started) / 1000, computed: count - start };
}

function wordsOf(bytes: Buffer): Uint32Array {
  return new Uint32Array(Uint8Array.from(bytes).buffer);
}

async function simulated(graph: IntegerGraph, base: BaseSamples, first: number, last: number): Promise<Uint32Array> {
  const outputs = await simulateBatch(graph, repeatSamples(graph, base, first, last), last - first);
  const bytes = outputs.map((codes) => new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength));
  const sizes = graph.outputs.map((port, i) => elementCount(integerTensor(graph, port.tensor).shape) * outputs[i]!.BYTES_PER_ELEMENT);
  return Uint32Array.from({ length: last - first }, (_, s) => bytes.reduce((crc, data, i) => crc32(data.subarray(s * sizes[i]!, (s + 1) * sizes[i]!), crc), 0));
}
