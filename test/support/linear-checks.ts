/** Checks that hold for every operator with weights; each test file runs them on its own cases. */
import * as assert from 'uvu/assert';
import { kernels } from '../../sim/kernels/index.js';
import { allocateCodes } from '../../sim/simulate.js';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import { initTensor, tf } from '../../src/tensor/index.js';
import { operator } from '../../src/operators/index.js';
import type { Attributes } from '../../src/graph/float.js';
import { expectedAccumulators, requantized } from './linear-oracles.js';
import type { LinearCase } from './linear-cases.js';

/** Runs the only node of a graph; returns accumulators and codes. */
export function simulateNode(graph: IntegerGraph, inputs: readonly Codes[]): { readonly accumulators: Int32Array; readonly codes: Codes } {
  const node = graph.nodes[0]!;
  const codes = allocateCodes(graph.tensors.get(node.outputs[0]!)!);
  const accumulators = new Int32Array(codes.length);
  const constants = node.inputs.slice(inputs.length).map((id) => graph.tensors.get(id)!.constant!.data);
  const kernel = kernels[node.op]!(node, graph);
  kernel([...inputs, ...constants], [codes], accumulators);
  const again = allocateCodes(graph.tensors.get(node.outputs[0]!)!);
  kernel([...inputs, ...constants], [again]);
  assert.equal(again, codes, 'the same codes without accumulators');
  return { accumulators, codes };
}

/** Simulator = plain loops, accumulators inside their bounds, output = the scalar functions. */
export function checkSimulator(one: LinearCase): void {
  const node = one.graph.nodes[0]!;
  const bounds = node.bounds!.accumulator;
  for (const [x] of one.inputs) {
    const expected = expectedAccumulators(one.graph, node, x!);
    const { accumulators, codes } = simulateNode(one.graph, [x!]);
    for (let i = 0; i < expected.length; i++) {
      const channel = i % bounds.length;
      const [low, high] = bounds[channel]!;
      assert.is(accumulators[i], expected[i], `${one.name}: accumulator ${i}`);
      assert.ok(expected[i]! >= low && expected[i]! <= high, `${one.name}: accumulator ${i} is ${expected[i]}, outside [${low}, ${high}]`);
      assert.is(codes[i], requantized(expected[i]!, channel, node.requantize!), `${one.name}: code ${i}`);
    }
  }
}

/**
 * Both ends of every channel's bound are reached: for each output element, the input that makes it largest (smallest) is
 * built from the sign of its dependence on every input code.
 */
export function checkBoundsAreReached(one: LinearCase): void {
  const node = one.graph.nodes[0]!;
  const input = one.graph.tensors.get(node.inputs[0]!)!;
  const base = allocateCodes(input).fill(input.codeRange[0]);
  const zero = expectedAccumulators(one.graph, node, base);
  const extremes = node.bounds!.accumulator.map(() => [Infinity, -Infinity]);
  const [least, most] = [Float64Array.from(zero), Float64Array.from(zero)];
  const step = input.codeRange[1] - input.codeRange[0];
  for (let i = 0; i < base.length; i++) {
    base[i]! += step;
    const moved = expectedAccumulators(one.graph, node, base);
    base[i]! -= step;
    for (let k = 0; k < moved.length; k++) {
      // Sums are linear in the codes: each code acts alone.
      const change = moved[k]! - zero[k]!;
      if (change > 0) most[k]! += change;
      else least[k]! += change;
    }
  }
  for (let k = 0; k < zero.length; k++) {
    const extreme = extremes[k % extremes.length]!;
    extreme[0] = Math.min(extreme[0]!, least[k]!);
    extreme[1] = Math.max(extreme[1]!, most[k]!);
  }
  assert.equal(node.bounds!.accumulator, extremes, `${one.name}: bounds`);
}

export interface FloatOperand {
  readonly shape: readonly number[];
  readonly constant?: boolean;
  /** Row-major; with a leading batch axis unless constant. */
  readonly data: Float32Array;
}

/** Evaluates one operator in float on `batch` samples. */
export async function evaluateFloat(op: string, attributes: Attributes, operands: readonly FloatOperand[], batch: number): Promise<{ readonly shape: readonly number[]; readonly values: Float32Array }> {
  await initTensor();
  const node = { id: 'node', op, inputs: [], outputs: [], attributes, origin: { file: 'test', format: 'builder', nodeName: 'node', opType: op } } as const;
  const side = operator(op).float!;
  const shapes = side.inferShapes(node, operands.map((o, i) => ({ id: `${i}`, shape: o.shape, type: 'float32' })));
  const inputs = operands.map((o) => ({ value: tf.tensor(o.data, [...(o.constant ? [] : [batch]), ...o.shape]), constant: o.constant === true, shape: o.shape }));
  const [value] = side.evaluate(node, { batch, inputs, outputShapes: shapes });
  assert.equal(value!.shape, [batch, ...shapes[0]!], `${op}: evaluated shape`);
  return { shape: shapes[0]!, values: (await value!.data()) as Float32Array };
}

/** |a − b| ≤ 1e-5·(1 + max|b|). */
export function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.is(actual.length, expected.length, `${what}: length`);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]!));
  for (let i = 0; i < expected.length; i++) {
    if (!(Math.abs(actual[i]! - expected[i]!) <= 1e-5 * (1 + largest))) assert.unreachable(`${what}: element ${i} is ${actual[i]}, not ${expected[i]}`);
  }
}
