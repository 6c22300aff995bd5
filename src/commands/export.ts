/** `ptq-gen export q.ptq.json -o DIR`: layers and vectors for hardware, outside of C. */
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { createSimulator } from '../../sim/index.js';
import { loadSamples, parsePreprocess } from '../calibration/index.js';
import { type LayerVector, readmemhFiles, shiftLayers } from '../emit/readmemh.js';
import { UsageError } from '../errors.js';
import { writeFileWhole } from '../files.js';
import type { IntegerGraph } from '../graph/integer.js';
import { portsAsFloatGraph } from '../graph/ports.js';
import { loadIntegerGraph } from '../graph/serialize.js';
import { encodeSamples, sampleAt } from '../simulation/encode.js';
import { chooseVectors, loadVerification, type VectorInputs } from '../verify/index.js';
import { toolVersion } from '../version.js';

export interface ExportOptions {
  readonly out: string;
  /** Default 2. */
  readonly vectors?: number;
  /** Where vectors are drawn from; without it a project's own, else made-up inputs. */
  readonly input?: readonly string[];
  readonly preprocess?: string;
}

const VECTORS = 2;

/** Hex files of all shift layers of a saved graph, or of a generated project. */
export async function exportCommand(source: string, options: ExportOptions): Promise<void> {
  const { graph, inputs } = await load(resolve(source), options);
  if (shiftLayers(graph).length === 0) {
    throw new UsageError(`'${graph.name}' has no layer whose weights are sums of powers of two`, { hint: "quantize it with --arith shift ('ptq-gen quantize MODEL --arith shift … -o q.ptq.json')" });
  }
  const files = readmemhFiles(graph, layerVectors(graph, inputs), `ptq-gen ${toolVersion()}`);
  const folder = resolve(options.out);
  for (const [path, text] of files) await writeFileWhole(join(folder, path), text);
  process.stdout.write(`${join(folder, 'layers.json')}\n`);
}

async function load(path: string, { vectors = VECTORS, input, preprocess }: ExportOptions): Promise<{ graph: IntegerGraph; inputs: readonly VectorInputs[] }> {
  if (vectors < 1) throw new UsageError('--vectors must be at least 1');
  const isProject = (await stat(path).catch(() => null))?.isDirectory() === true;
  const project = isProject ? await loadVerification(path) : null;
  const graph = project?.graph ?? loadIntegerGraph(path);
  if (input === undefined) {
    const chosen = project?.vectors ?? chooseVectors(graph, vectors, null, 0);
    return { graph, inputs: chosen.slice(0, vectors).map((vector) => vector.inputs) };
  }
  const samples = await loadSamples(input, portsAsFloatGraph(graph), { limit: vectors, ...(preprocess !== undefined && { preprocess: parsePreprocess(preprocess) }) });
  const encoded = encodeSamples(graph, samples);
  return { graph, inputs: Array.from({ length: Math.min(vectors, samples.count) }, (_, i) => sampleAt(graph, encoded, i)) };
}

/** A streaming network sees its vectors one after the other. */
function layerVectors(graph: IntegerGraph, inputs: readonly VectorInputs[]): readonly LayerVector[] {
  const simulator = createSimulator(graph);
  const summed = shiftLayers(graph).map(({ outputs }) => outputs[0]!);
  return inputs.map((one) => {
    const trace = simulator.trace(one, summed);
    if (graph.states.length > 0) simulator.run(one);
    return trace;
  });
}
