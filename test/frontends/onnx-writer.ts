/** Builds small ONNX models for the tests, with the importer's own description of the messages. */
import { createExecutor } from '../../src/calibration/executor.js';
import { importOnnx } from '../../src/frontends/onnx/index.js';
import { encodeModel, type AttributeMessage, type ModelMessage, type NodeMessage, type TensorMessage, type ValueInfoMessage } from '../../src/frontends/onnx/proto.js';
import type { FloatGraph } from '../../src/graph/float.js';

export type AttributeValue = number | string | readonly number[] | TensorMessage | { readonly int: number } | { readonly floats: readonly number[] };

const text = new TextEncoder();
const TYPES = { float: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 } as const;

/** Whole numbers become integers, other numbers floats; `{ floats }` and `{ float }` say it where that is ambiguous. */
export function attribute(name: string, value: AttributeValue | { readonly float: number }): AttributeMessage {
  if (typeof value === 'string') return { name, type: 3, s: text.encode(value) };
  if (typeof value === 'number') return Number.isInteger(value) ? { name, type: 2, i: value } : { name, type: 1, f: value };
  if (Array.isArray(value)) return { name, type: 7, ints: value };
  if ('int' in value) return { name, type: 2, i: value.int };
  if ('float' in value) return { name, type: 1, f: value.float };
  if ('floats' in value) return { name, type: 6, floats: value.floats };
  return { name, type: 4, t: value as TensorMessage };
}

export function node(opType: string, input: readonly string[], output: readonly string[], attributes: Readonly<Record<string, AttributeValue | { readonly float: number }>> = {}, name = ''): NodeMessage {
  return { opType, input, output, name, attribute: Object.entries(attributes).map(([key, value]) => attribute(key, value)) };
}

export function floats(name: string, dims: readonly number[], floatData: readonly number[]): TensorMessage {
  return { name, dims, dataType: TYPES.float, floatData };
}

export function integers(name: string, values: readonly number[], dims: readonly number[] = [values.length]): TensorMessage {
  return { name, dims, dataType: TYPES.int64, int64Data: values };
}

export function codes(name: string, type: 'int8' | 'uint8' | 'int32', dims: readonly number[], int32Data: readonly number[]): TensorMessage {
  return { name, dims, dataType: TYPES[type], int32Data };
}

/** Strings are dynamic axes. */
export function port(name: string, dims: readonly (number | string)[], type: keyof typeof TYPES = 'float'): ValueInfoMessage {
  const dim = dims.map((d) => (typeof d === 'string' ? { dimParam: d } : { dimValue: d }));
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}

export interface ModelParts {
  readonly nodes: readonly NodeMessage[];
  readonly inputs: readonly ValueInfoMessage[];
  readonly outputs: readonly ValueInfoMessage[];
  readonly constants?: readonly TensorMessage[];
  readonly opset?: number;
}

export function modelMessage({ nodes, inputs, outputs, constants = [], opset = 17 }: ModelParts): ModelMessage {
  return {
    irVersion: 8,
    opsetImport: [{ domain: '', version: opset }],
    graph: { name: 'test', node: nodes, initializer: constants, input: inputs, output: outputs },
  };
}

export function modelBytes(parts: ModelParts): Uint8Array {
  return encodeModel(modelMessage(parts));
}

export function importParts(parts: ModelParts): FloatGraph {
  return importOnnx(modelBytes(parts), 'test.onnx');
}

export interface Evaluation {
  readonly graph: FloatGraph;
  /** One array an output. */
  readonly outputs: readonly number[][];
}

/** Imports and evaluates one sample (or `count` of them). */
export function evaluate(parts: ModelParts, inputs: Readonly<Record<string, readonly number[]>>, count = 1): Promise<Evaluation> {
  return evaluateMessage(modelMessage(parts), inputs, count);
}

export async function evaluateMessage(message: ModelMessage, inputs: Readonly<Record<string, readonly number[]>>, count = 1): Promise<Evaluation> {
  const graph = importOnnx(encodeModel(message), 'test.onnx');
  const executor = await createExecutor(graph);
  try {
    const samples = new Map(
      graph.inputs.map((p) => [p.name, graph.tensors.get(p.tensor)!.type === 'int32' ? Int32Array.from(inputs[p.name]!) : Float32Array.from(inputs[p.name]!)]),
    );
    const results = await executor.run(samples, count);
    return { graph, outputs: graph.outputs.map((p) => [...results.get(p.tensor)!]) };
  } finally {
    executor.dispose();
  }
}

export function ramp(count: number, start = 0, step = 1): number[] {
  return Array.from({ length: count }, (_, i) => start + i * step);
}

/** A fixed sequence of numbers in [-1, 1) without visible order. */
export function noise(count: number, seed = 1): number[] {
  let state = seed >>> 0;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

export function close(actual: readonly number[], expected: readonly number[], tolerance = 1e-5): void {
  const largest = Math.max(1e-30, ...expected.map(Math.abs));
  if (actual.length !== expected.length) throw new Error(`${actual.length} values, expected ${expected.length}`);
  actual.forEach((value, i) => {
    if (!(Math.abs(value - expected[i]!) <= tolerance * largest)) throw new Error(`index ${i}: ${value}, expected ${expected[i]}`);
  });
}
