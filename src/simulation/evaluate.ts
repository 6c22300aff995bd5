/** The simulator over many samples, split by sample over worker threads. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { allocateCodes } from '../../sim/index.js';
import { RunError } from '../errors.js';
import { integerTensor, type Codes, type IntegerGraph } from '../graph/integer.js';
import { findOperator } from '../operators/index.js';
import { simulateRange } from './simulate-range.js';

export interface BatchOptions {
  /** Threads; all cores unless given, none for little work. */
  readonly workers?: number;
}

/** What a worker gets; arrays lie in shared memory, so that nothing is copied back. */
export interface WorkerJob {
  readonly graph: IntegerGraph;
  readonly inputs: readonly Codes[];
  readonly outputs: readonly Codes[];
  readonly first: number;
  readonly last: number;
}

/** Below this many multiply-accumulates starting threads takes longer than computing. */
const INLINE_MACS = 4e8;

/** `inputs`: one array a port, `count` samples concatenated. Returns the outputs the same way. */
export async function simulateBatch(graph: IntegerGraph, inputs: readonly Codes[], count: number, options: BatchOptions = {}): Promise<readonly Codes[]> {
  const outputs = graph.outputs.map((port) => sharedCodes(graph, port.tensor, count));
  const work = count * executedMacs(graph);
  const workers = Math.max(1, Math.min(count, options.workers ?? (work < INLINE_MACS ? 1 : availableParallelism())));
  // States pass from one sample to the next: no splitting.
  if (workers === 1 || graph.states.length > 0) {
    simulateRange({ graph, inputs, outputs, first: 0, last: count });
    return outputs;
  }
  const shared = inputs.map(toShared);
  const bounds = Array.from({ length: workers + 1 }, (_, i) => Math.floor((count * i) / workers));
  await Promise.all(bounds.slice(1).map((last, i) => runWorker({ graph, inputs: shared, outputs, first: bounds[i], last })));
  return outputs;
}

/** Multiply-accumulates that one sample executes. */
export function executedMacs(graph: IntegerGraph): number {
  return graph.nodes.reduce((sum, node) => sum + (findOperator(node.op)?.integer?.macs?.(node, graph) ?? 0), 0);
}

function runWorker(job: WorkerJob): Promise<void> {
  const worker = startWorker(job);
  return new Promise((resolve, reject) => {
    worker.once('error', (error) => reject(new RunError(`the simulator failed in a worker thread: ${error.message}`, 'simulate', '', { cause: error })));
    worker.once('exit', (code) => (code === 0 ? resolve() : reject(new RunError(`a simulator thread ended with code ${code}`, 'simulate', ''))));
  });
}

/** From sources the thread must load TypeScript first. */
function startWorker(job: WorkerJob): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url), { workerData: job });
  const script = `import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))}; register(); await import(${JSON.stringify(new URL('./worker.ts', import.meta.url).href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), { workerData: job });
}

function sharedCodes(graph: IntegerGraph, id: string, count: number): Codes {
  const { shape, type } = integerTensor(graph, id);
  return toShared(allocateCodes({ shape: [count, ...shape], type }));
}

function toShared(codes: Codes): Codes {
  const copy = new (codes.constructor as new (buffer: SharedArrayBuffer) => Codes)(new SharedArrayBuffer(codes.byteLength));
  copy.set(codes);
  return copy;
}
