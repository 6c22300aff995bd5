/** `ptq-gen eval q.ptq.json --input X --labels Y`: accuracy of the integers. */
import { resolve } from 'node:path';
import { loadLabels, loadSamples, parsePreprocess } from '../calibration/index.js';
import { type CudaRunner, emulationRunner, gpuRunner } from '../cuda-runner.js';
import { integerScore } from '../evaluation.js';
import { portsAsFloatGraph } from '../graph/ports.js';
import { loadIntegerGraph } from '../graph/serialize.js';

interface EvalOptions {
  readonly input: readonly string[];
  readonly labels?: string;
  readonly metric?: 'top1' | 'mse' | 'sqnrDb' | 'miou';
  readonly output?: string;
  readonly preprocess?: string;
  readonly backend: 'sim' | 'cuda' | 'cuda-emulation';
}

/** Null: the simulator. */
async function cudaRunner(backend: EvalOptions['backend']): Promise<CudaRunner | null> {
  if (backend === 'sim') return null;
  return backend === 'cuda' ? gpuRunner() : emulationRunner();
}

export async function evalCommand(path: string, options: EvalOptions): Promise<void> {
  const cuda = await cudaRunner(options.backend);
  const graph = await loadIntegerGraph(resolve(path));
  const preprocess = options.preprocess === undefined ? undefined : await parsePreprocess(options.preprocess);
  const samples = await loadSamples(options.input, portsAsFloatGraph(graph), { ...(preprocess && { preprocess }) });
  const labels = options.labels === undefined ? null : await loadLabels(resolve(options.labels));
  const metric = options.metric ?? 'top1';
  const started = performance.now();
  const score = await integerScore(graph, samples, labels, { metric, output: options.output ?? null }, cuda?.run);
  const seconds = (performance.now() - started) / 1000;
  const device = cuda ? { device: cuda.device, deviceSeconds: rounded(cuda.seconds()) } : {};
  process.stdout.write(`${JSON.stringify({ model: graph.name, backend: options.backend, metric, integer: score, samples: samples.count, seconds: rounded(seconds), ...device }, null, 2)}\n`);
}

function rounded(seconds: number): number {
  return Number(seconds.toFixed(2));
}
