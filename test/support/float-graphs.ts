/** Runs float graphs on values in the model file's own order of axes, so that graphs before and after passes compare. */
import * as assert from 'uvu/assert';
import { createExecutor } from '../../src/calibration/executor.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import { elementCount, tensorOf, type FloatGraph, type GraphPort, type Origin } from '../../src/graph/float.js';
import { gathered, gatherIndices, identity, inverse, permuted } from '../../src/passes/float/permutations.js';

export type PortValues = ReadonlyMap<string, Float32Array | Int32Array>;

export const testOrigin: Origin = { file: 'test', format: 'builder', nodeName: 'node', opType: 'Test' };

export function origin(nodeName: string): Origin {
  return { ...testOrigin, nodeName };
}

export function newBuilder(name = 'test'): FloatGraphBuilder {
  return new FloatGraphBuilder(name, { file: 'test', format: 'builder', sha256: '' });
}

/** Deterministic numbers in [−1, 1). */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

export function randomArray(length: number, next: () => number): Float32Array {
  return Float32Array.from({ length }, next);
}

/** `count` random samples for every input, in the file's order. */
export function randomInputs(graph: FloatGraph, count: number, seed = 1): PortValues {
  const next = randomNumbers(seed);
  return new Map(graph.inputs.map((port) => [port.name, randomArray(count * elementCount(tensorOf(graph, port.tensor).shape), next)]));
}

/** Outputs by port name, in the file's order. */
export async function runInSourceOrder(graph: FloatGraph, inputs: PortValues, count: number): Promise<ReadonlyMap<string, Float32Array>> {
  const executor = await createExecutor(graph);
  try {
    const arranged = new Map(graph.inputs.map((port) => [port.name, reorder(graph, port, inputs.get(port.name)!, count, 'in')]));
    const results = await executor.run(arranged, count);
    return new Map(graph.outputs.map((port) => [port.name, reorder(graph, port, results.get(port.tensor)!, count, 'out') as Float32Array]));
  } finally {
    executor.dispose();
  }
}

function reorder(graph: FloatGraph, port: GraphPort, values: Float32Array | Int32Array, count: number, direction: 'in' | 'out'): Float32Array | Int32Array {
  const { shape } = tensorOf(graph, port.tensor);
  const permutation = port.permutation ?? identity(shape.length);
  const source = permuted(shape, inverse(permutation));
  const indices = direction === 'in' ? gatherIndices(source, permutation) : gatherIndices(shape, inverse(permutation));
  const result = values.slice();
  for (let sample = 0; sample < count; sample++) {
    const offset = sample * indices.length;
    result.set(gathered(values.subarray(offset, offset + indices.length) as Float32Array, indices), offset);
  }
  return result;
}

/** max|a − b| ≤ tolerance · max|b| for every output. */
export async function expectSameOutputs(before: FloatGraph, after: FloatGraph, options: { readonly count?: number; readonly seed?: number; readonly tolerance?: number } = {}): Promise<void> {
  const { count = 3, seed = 1, tolerance = 1e-5 } = options;
  const inputs = randomInputs(before, count, seed);
  const expected = await runInSourceOrder(before, inputs, count);
  const actual = await runInSourceOrder(after, inputs, count);
  assert.equal([...actual.keys()], [...expected.keys()]);
  for (const [name, values] of expected) {
    const difference = relativeDifference(actual.get(name)!, values);
    assert.ok(difference <= tolerance, `output '${name}' differs by ${difference.toExponential(2)} of its largest value`);
  }
}

export function relativeDifference(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  assert.is(actual.length, expected.length);
  let [most, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= most)) most = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
  }
  return most / (largest || 1);
}

export function operatorCounts(graph: FloatGraph): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { op } of graph.nodes) counts[op] = (counts[op] ?? 0) + 1;
  return counts;
}
