/**
 * One operator through the whole road: a float graph of one node, a plan with chosen scales, the lowered integer graph.
 * Checks: float against plain loops, the simulator against the same loops in quanta, bounds, and the firmware elsewhere.
 */
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { createExecutor } from '../../src/calibration/executor.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import { elementCount, type Attributes, type FloatGraph, type Origin } from '../../src/graph/float.js';
import type { Codes, IntegerGraph } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { operator } from '../../src/operators/index.js';
import type { ActivationPlan, Arithmetic } from '../../src/operators/lower.js';
import { lowerGraph } from '../../src/quantization/index.js';
import { typeRange } from '../../src/graph/lanes.js';
import { activationPlan, quantizeValue } from '../../src/quantization/scales.js';
import type { FirmwareCase } from './firmware.js';
import { Random } from './integer-graphs.js';

const origin: Origin = { file: 'test', format: 'builder', nodeName: 'layer', opType: 'test' };
export const VECTORS = 3;

export interface CaseInput {
  readonly shape: readonly number[];
  /** Range of the values and of the plan; [−1, 1] unless given. */
  readonly range?: readonly [number, number];
  /** A constant with these values (float), or with random ones. */
  readonly constant?: true | readonly number[];
  /** Integers below this bound instead of real values. */
  readonly indices?: number;
  readonly plan?: ActivationPlan;
}

export interface OperatorCase {
  readonly name: string;
  readonly op: string;
  readonly attributes: Attributes;
  readonly inputs: readonly CaseInput[];
  /** Range or plan of the output; what the operator prescribes, or the observed range unless given. */
  readonly output?: readonly [number, number] | ActivationPlan;
  readonly arith?: Arithmetic;
  /** The operator in plain loops on doubles: operands in order → output. */
  readonly naive: (operands: readonly ArrayLike<number>[]) => readonly number[];
}

export interface LoweredCase {
  readonly one: OperatorCase;
  readonly float: FloatGraph;
  readonly graph: IntegerGraph;
  /** Real values of every operand, constants included; activations of all vectors. */
  readonly vectors: readonly (readonly Float64Array[])[];
  readonly inputs: readonly (readonly Codes[])[];
  readonly plans: readonly (ActivationPlan | null)[];
  readonly output: ActivationPlan;
}

/** Builds and lowers a case; activations are random codes and, in the last two vectors, extreme ones. */
export function lowerCase(one: OperatorCase, seed = 1): LoweredCase {
  const random = new Random(seed);
  const plans = one.inputs.map((input) => (input.indices === undefined ? (input.plan ?? activationPlan(...(input.range ?? [-1, 1]), 8)) : null));
  const constants = one.inputs.map((input, i) => constantValues(input, plans[i]!, random));
  const float = floatGraph(one, constants);
  const inputs = Array.from({ length: VECTORS + 2 }, (_, v) => one.inputs.flatMap((input, i) => (constants[i] ? [] : [activationCodes(input, plans[i]!, v, random)])));
  const vectors = inputs.map((codes) => realOperands(one, plans, constants, codes));
  const output = outputPlan(one, float, vectors);
  const activations = new Map([...float.nodes[0]!.inputs.map((id, i) => [id, plans[i]] as const), [float.nodes[0]!.outputs[0]!, output] as const].filter((e): e is [string, ActivationPlan] => e[1] !== null));
  const graph = lowerGraph(float, { arith: one.arith ?? 'dyadic', method: 'nearest', bits: 'w8a8', seed: 0, calibrationSha256: null, activations, weights: new Map(), biases: new Map() });
  verifyIntegerGraph(graph);
  return { one, float, graph, vectors, inputs, plans, output };
}

/** A constant's values lie on the plan's grid, so that quantizing them loses nothing. */
function constantValues(input: CaseInput, plan: ActivationPlan | null, random: Random): Float32Array | Int32Array | null {
  if (!input.constant) return null;
  const n = elementCount(input.shape);
  if (!plan) return Int32Array.from({ length: n }, (_, i) => (input.constant === true ? random.integer(0, input.indices! - 1) : input.constant![i]!));
  const codes = Array.from({ length: n }, (_, i) => (input.constant === true ? random.integer(...typeRange(plan)) : quantizeValue(input.constant![i]!, plan)));
  return Float32Array.from(codes, (c) => plan.scale * (c - plan.zeroPoint));
}

function activationCodes(input: CaseInput, plan: ActivationPlan | null, vector: number, random: Random): Codes {
  const n = elementCount(input.shape);
  const [low, high] = plan ? typeRange(plan) : [0, input.indices! - 1];
  const code = () => (vector < VECTORS ? random.integer(low, high) : vector === VECTORS ? low : random.integer(0, 1) === 0 ? low : high);
  const values = Array.from({ length: n }, code);
  if (!plan) return Int32Array.from(values);
  return plan.bits > 8 ? Int16Array.from(values) : plan.signed ? Int8Array.from(values) : Uint8Array.from(values);
}

function realOperands(one: OperatorCase, plans: readonly (ActivationPlan | null)[], constants: readonly (Float32Array | Int32Array | null)[], codes: readonly Codes[]): Float64Array[] {
  let next = 0;
  return one.inputs.map((_, i) => {
    const constant = constants[i];
    if (constant) return Float64Array.from(constant);
    const plan = plans[i];
    return Float64Array.from(codes[next++]!, (c) => (plan ? plan.scale * (c - plan.zeroPoint) : c));
  });
}

function floatGraph(one: OperatorCase, constants: readonly (Float32Array | Int32Array | null)[]): FloatGraph {
  const builder = new FloatGraphBuilder(one.name, { file: 'test', format: 'builder', sha256: '' });
  const ids = one.inputs.map((input, i) => {
    const data = constants[i];
    return data ? builder.constant(`c${i}`, input.shape, data) : builder.input(`x${i}`, input.shape, input.indices === undefined ? 'float32' : 'int32');
  });
  builder.output('y', builder.apply(one.op, ids, one.attributes, origin, 'y'));
  return builder.build();
}

function outputPlan(one: OperatorCase, float: FloatGraph, vectors: readonly (readonly Float64Array[])[]): ActivationPlan {
  if (one.output && 'scale' in one.output) return one.output;
  const rule = operator(one.op).float?.scaleRule?.(float.nodes[0]!, one.arith ?? 'dyadic');
  if (!one.output && rule?.kind === 'fixed') return { bits: 8, signed: true, scale: rule.scale, zeroPoint: rule.zeroPoint };
  const values = vectors.flatMap((operands) => one.naive(operands)).filter(Number.isFinite);
  return activationPlan(...((one.output as readonly [number, number] | undefined) ?? [Math.min(...values), Math.max(...values)]), 8);
}

/** TensorFlow.js equals the plain loops: |a − b| ≤ 1e-5·(1 + max|b|). */
export async function checkFloat({ one, float, vectors }: LoweredCase): Promise<void> {
  const executor = await createExecutor(float);
  try {
    const activations = one.inputs.flatMap((input, i) => (input.constant ? [] : [i]));
    const samples = new Map(activations.map((i) => {
      const values = vectors.flatMap((operands) => [...operands[i]!]);
      return [`x${i}`, one.inputs[i]!.indices === undefined ? Float32Array.from(values) : Int32Array.from(values)] as const;
    }));
    const results = await executor.run(samples, vectors.length);
    const actual = results.get(float.outputs[0]!.tensor)!;
    const expected = vectors.flatMap((operands) => one.naive(operands));
    assert.is(actual.length, expected.length, `${one.name}: length`);
    const largest = expected.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 0);
    expected.forEach((value, i) => {
      const close = Math.abs(actual[i]! - value) <= 1e-5 * (1 + largest) || Object.is(actual[i], value) || (Number.isNaN(actual[i]) && Number.isNaN(value));
      if (!close) assert.unreachable(`${one.name}: element ${i} is ${actual[i]}, not ${value}`);
    });
  } finally {
    executor.dispose();
  }
}

/** Every code lies within `quanta` of the real result of the same codes, and every accumulator within its bounds. */
export function checkSimulator({ one, graph, vectors, inputs, output }: LoweredCase, quanta: number): void {
  const simulator = createSimulator(graph);
  const [low, high] = typeRange(output);
  vectors.forEach((operands, v) => {
    const [codes] = simulator.run(inputs[v]!);
    const ideal = one.naive(operands);
    assert.is(codes!.length, ideal.length, `${one.name}: length`);
    ideal.forEach((value, i) => {
      const exact = Math.min(high, Math.max(low, value / output.scale + output.zeroPoint));
      const off = Math.abs(codes![i]! - exact);
      if (off > quanta) assert.unreachable(`${one.name}: vector ${v}, element ${i} is ${codes![i]}, ideal ${exact}`);
    });
  });
  checkAccumulators(graph, inputs[inputs.length - 1]!, one.name);
}

function checkAccumulators(graph: IntegerGraph, inputs: readonly Codes[], name: string): void {
  const simulator = createSimulator(graph);
  for (const node of graph.nodes) {
    if (!node.bounds || !node.requantize) continue;
    const size = elementCount(graph.tensors.get(node.outputs[0]!)!.shape);
    for (let i = 0; i < Math.min(size, 20); i++) {
      const accumulator = simulator.accumulator(inputs, node.outputs[0]!, i)!;
      const [low, high] = node.bounds.accumulator[i % node.bounds.accumulator.length]!;
      assert.ok(accumulator >= low && accumulator <= high, `${name}: accumulator ${accumulator} leaves [${low}, ${high}]`);
    }
  }
}

export function firmwareCase({ one, graph, inputs }: LoweredCase): FirmwareCase {
  return { name: one.name, graph, inputs };
}
