/** `ptq-gen simulate q.ptq.json --input X -o Y`: the reference simulator as a command. */
import { join, resolve } from 'node:path';
import { createSimulator } from '../../sim/index.js';
import { loadSamples, parsePreprocess } from '../calibration/index.js';
import { encodeNpy, encodeNpz } from '../calibration/data/write-npy.js';
import { UsageError } from '../errors.js';
import { writeFileWhole } from '../files.js';
import { integerTensor, type Codes, type IntegerGraph } from '../graph/integer.js';
import { portsAsFloatGraph } from '../graph/ports.js';
import { loadIntegerGraph } from '../graph/serialize.js';
import { encodeSamples, realValues, sampleAt } from '../simulation/encode.js';

interface SimulateOptions {
  readonly input: readonly string[];
  readonly out: string;
  readonly real?: boolean;
  readonly preprocess?: string;
  readonly dumpTensors?: string;
}

function concatenate(parts: readonly Codes[]): Codes {
  const out = new (parts[0]!.constructor as new (n: number) => Codes)(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

export async function simulateCommand(path: string, options: SimulateOptions): Promise<void> {
  const graph = await loadIntegerGraph(resolve(path));
  const preprocess = options.preprocess === undefined ? undefined : await parsePreprocess(options.preprocess);
  const samples = await loadSamples(options.input, portsAsFloatGraph(graph), { ...(preprocess && { preprocess }) });
  const encoded = encodeSamples(graph, samples);
  const simulator = createSimulator(graph);
  const results = Array.from({ length: samples.count }, (_, i) => simulator.run(sampleAt(graph, encoded, i)));
  await writeOutputs(graph, results, options);
  if (options.dumpTensors) await dumpTensors(graph, Array.from({ length: samples.count }, (_, i) => simulator.tensors(sampleAt(graph, encoded, i))), options.dumpTensors);
}

async function writeOutputs(graph: IntegerGraph, results: readonly (readonly Codes[])[], options: SimulateOptions): Promise<void> {
  const arrays = new Map(
    graph.outputs.map((port, o) => {
      const tensor = integerTensor(graph, port.tensor);
      const codes = concatenate(results.map((r) => r[o]!));
      return [port.name, { data: options.real ? realValues(tensor, codes) : codes, shape: [results.length, ...tensor.shape] }];
    }),
  );
  const out = resolve(options.out);
  if (out.endsWith('.npz')) return writeFileWhole(out, encodeNpz(arrays));
  if (arrays.size > 1) throw new UsageError(`'${graph.name}' has ${arrays.size} outputs`, { hint: 'name an .npz file' });
  const [array] = arrays.values();
  if (out.endsWith('.bin')) return writeFileWhole(out, new Uint8Array(array!.data.buffer));
  return writeFileWhole(out, encodeNpy(array!.data, array!.shape));
}

async function dumpTensors(graph: IntegerGraph, results: readonly ReadonlyMap<string, Codes>[], directory: string): Promise<void> {
  for (const id of results[0]?.keys() ?? []) {
    const tensor = integerTensor(graph, id);
    const name = tensor.name.replace(/[^\w.-]+/g, '_');
    await writeFileWhole(join(resolve(directory), `${name}.npy`), encodeNpy(concatenate(results.map((r) => r.get(id)!)), [results.length, ...tensor.shape]));
  }
}
