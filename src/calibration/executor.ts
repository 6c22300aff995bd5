/** Runs a float graph on TensorFlow.js, in batches, with the memory of a value given back after its last use. */
import { CalibrationError } from '../errors.js';
import { elementCount, tensorOf, type FloatGraph, type FloatNode, type GraphPort, type TensorId } from '../graph/float.js';
import { evaluateConstantNode, upload } from '../tensor/evaluate.js';
import { initTensor, type tf, type TensorBackend } from '../tensor/index.js';
import { runBatch, type TensorValues } from './batch.js';

export type Samples = ReadonlyMap<string, Float32Array | Int32Array>;

export interface RunOptions {
  /** Samples evaluated together; chosen from the size of the activations unless given. */
  readonly batch?: number;
  /** Tensors to return besides the outputs. */
  readonly keep?: readonly TensorId[];
  /** Called for every input and every node output ([batch, ...shape]); what it returns takes the value's place. */
  readonly transform?: (id: TensorId, value: tf.Tensor) => tf.Tensor;
  /** Values that stand in for constants during this run (fake-quantized weights), of the same length. */
  readonly constants?: ReadonlyMap<TensorId, Float32Array>;
  /** Called after every batch with the number of samples done. */
  readonly onProgress?: (samplesDone: number) => void;
}

export interface FloatExecutor {
  readonly graph: FloatGraph;
  readonly backend: TensorBackend;
  /** `samples`: port name → `count` concatenated samples. Returns outputs and kept tensors by tensor id, samples concatenated. */
  run(samples: Samples, count: number, options?: RunOptions): Promise<ReadonlyMap<TensorId, Float32Array>>;
  dispose(): void;
}

/** What does not change from run to run: constants (and what follows from them alone), and the nodes that are left. */
interface Prepared {
  readonly graph: FloatGraph;
  readonly nodes: readonly FloatNode[];
  readonly constants: TensorValues;
}

/** Floats of the largest activation of one batch (32 MiB). */
const LARGEST_BATCH_ELEMENTS = 1 << 23;
const LARGEST_BATCH = 128;

/** Uploads the constants and evaluates the nodes that depend on nothing else; `dispose` gives that memory back. */
export async function createExecutor(graph: FloatGraph): Promise<FloatExecutor> {
  const backend = await initTensor();
  const constants: TensorValues = new Map();
  for (const tensor of graph.tensors.values()) {
    if (tensor.data) constants.set(tensor.id, upload(tensor.data, tensor.shape, tensor.type));
  }
  const replaceable = new Set(constants.keys());
  const nodes = graph.nodes.filter((node) => !evaluateOnce(graph, node, constants));
  return {
    graph,
    backend,
    run: async (samples, count, options = {}) => {
      const fixed = options.constants ? withReplaced(graph, constants, replaceable, options.constants) : { nodes, constants, temporary: [] };
      try {
        return runBatches({ graph, nodes: fixed.nodes, constants: fixed.constants }, samples, count, options);
      } finally {
        for (const value of fixed.temporary) value.dispose();
      }
    },
    dispose: () => {
      for (const value of constants.values()) value.dispose();
      constants.clear();
    },
  };
}

/** True where every input is constant: the outputs become constants too. */
function evaluateOnce(graph: FloatGraph, node: FloatNode, constants: TensorValues): boolean {
  if (!node.inputs.every((id) => constants.has(id))) return false;
  const shapes = node.outputs.map((id) => tensorOf(graph, id).shape);
  const outputs = evaluateConstantNode(node, node.inputs.map((id) => constants.get(id)!), shapes);
  node.outputs.forEach((id, i) => constants.set(id, outputs[i]!));
  return true;
}

/** Constants with some of them replaced; what followed from constants alone is evaluated again. */
function withReplaced(graph: FloatGraph, constants: TensorValues, stored: ReadonlySet<TensorId>, replaced: ReadonlyMap<TensorId, Float32Array>) {
  const temporary: tf.Tensor[] = [];
  const values: TensorValues = new Map([...constants].filter(([id]) => stored.has(id)));
  for (const [id, data] of replaced) {
    const { shape } = tensorOf(graph, id);
    if (data.length !== elementCount(shape)) throw new CalibrationError(`constant '${id}' has [${shape.join(', ')}] values, not ${data.length}`);
    const value = upload(data, shape, 'float32');
    temporary.push(value);
    values.set(id, value);
  }
  const before = new Set(values.keys());
  const nodes = graph.nodes.filter((node) => !evaluateOnce(graph, node, values));
  for (const [id, value] of values) if (!before.has(id)) temporary.push(value);
  return { nodes, constants: values, temporary };
}

function runBatches({ graph, nodes, constants }: Prepared, samples: Samples, count: number, options: RunOptions): ReadonlyMap<TensorId, Float32Array> {
  for (const port of graph.inputs) checkSamples(graph, port, samples.get(port.name), count);
  const wanted = new Set([...graph.outputs.map((port) => port.tensor), ...(options.keep ?? [])]);
  const results = new Map([...wanted].map((id) => [id, new Float32Array(count * elementCount(tensorOf(graph, id).shape))]));
  repeatConstants(results, constants);
  const step = options.batch ?? defaultBatch(graph);
  for (let first = 0; first < count; first += step) {
    const batch = Math.min(step, count - first);
    runBatch(graph, nodes, {
      batch,
      constants,
      inputs: uploadInputs(graph, samples, first, batch),
      ...(options.transform && { transform: options.transform }),
      wanted,
      deliver: (id, value) => results.get(id)!.set(value.dataSync(), first * elementCount(tensorOf(graph, id).shape)),
    });
    options.onProgress?.(first + batch);
  }
  return results;
}

/** A wanted tensor that depends on no input has the same value for every sample. */
function repeatConstants(results: ReadonlyMap<TensorId, Float32Array>, constants: TensorValues): void {
  for (const [id, result] of results) {
    const data = constants.get(id)?.dataSync();
    for (let offset = 0; data && offset < result.length; offset += data.length) result.set(data, offset);
  }
}

function uploadInputs(graph: FloatGraph, samples: Samples, first: number, batch: number): TensorValues {
  return new Map(
    graph.inputs.map((port) => {
      const tensor = tensorOf(graph, port.tensor);
      const size = elementCount(tensor.shape);
      const data = samples.get(port.name)!.subarray(first * size, (first + batch) * size);
      return [port.tensor, upload(data, [batch, ...tensor.shape], tensor.type)];
    }),
  );
}

function checkSamples(graph: FloatGraph, port: GraphPort, data: Float32Array | Int32Array | undefined, count: number): void {
  const { shape } = tensorOf(graph, port.tensor);
  const expected = count * elementCount(shape);
  if (!data) throw new CalibrationError(`no data for input '${port.name}'`, { hint: `inputs: ${graph.inputs.map((p) => p.name).join(', ')}` });
  if (data.length === expected) return;
  throw new CalibrationError(`input '${port.name}' needs ${count} samples of [${shape.join(', ')}] = ${expected} values, not ${data.length}`);
}

function defaultBatch(graph: FloatGraph): number {
  let largest = 1;
  for (const tensor of graph.tensors.values()) if (!tensor.data) largest = Math.max(largest, elementCount(tensor.shape));
  return Math.max(1, Math.min(LARGEST_BATCH, Math.floor(LARGEST_BATCH_ELEMENTS / largest)));
}
