/** One float node → integers → simulator, held against float evaluation on exactly the values that the codes stand for. */
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import type { CalibrationTable } from '../../src/calibration/types.js';
import { FloatGraphBuilder } from '../../src/graph/builder.js';
import { elementCount, type Attributes, type FloatGraph } from '../../src/graph/float.js';
import type { Codes, IntegerGraph, IntegerTensor } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import type { Random } from './integer-graphs.js';
import { evaluateFloat } from './linear-checks.js';

const ORIGIN = { file: 'test', format: 'builder', nodeName: 'node', opType: 'Test' } as const;

export interface LoweringCase {
  readonly op: string;
  readonly attributes: Attributes;
  /** Shapes of the activations. */
  readonly inputs: readonly (readonly number[])[];
  /** Shapes of the constants behind them: weights, bias. */
  readonly constants: readonly (readonly number[])[];
  readonly bits: string;
}

/**
 * With inputs and weights on their grids only bias and output are rounded: every code that is not clamped lies within
 * 0.5 quanta of the output, plus half a quantum of the bias, plus 1 % for the multiplier.
 */
export async function checkLowering(random: Random, one: LoweringCase): Promise<void> {
  const builder = new FloatGraphBuilder('one', { file: 'test', format: 'builder', sha256: '' });
  const values = (shape: readonly number[], size = 1) => Float32Array.from({ length: elementCount(shape) }, () => size * (2 * random.next() - 1));
  const activations = one.inputs.map((shape, i) => builder.input(`x${i}`, shape, 'float32'));
  const constants = one.constants.map((shape, i) => builder.constant(`c${i}`, shape, values(shape, i + 1)));
  const output = builder.apply(one.op, [...activations, ...constants], one.attributes, ORIGIN, 'y');
  builder.output('y', output);
  const float = builder.build();
  const plan = planQuantization(float, calibrationOf(float, activations, output), { method: 'nearest', bits: one.bits, seed: 0, widths: { edgeBits: 2 } });
  const graph = lowerGraph(float, plan);
  verifyIntegerGraph(graph);
  const codes = activations.map((id) => codesOf(random, graph.tensors.get(id)!));
  const expected = await floatOutput(one, float, graph, codes);
  const [actual] = createSimulator(graph).run(codes);
  compare(graph, output, actual!, expected);
}

/** Ranges that a random node roughly has: inputs [−0.7, 1.4], output [−1, 3]. */
function calibrationOf(float: FloatGraph, activations: readonly string[], output: string): CalibrationTable {
  const range = (low: number, high: number) => ({ low, high, min: low, max: high, histogram: { low, high, counts: [1] } });
  const ranges = new Map([...activations.map((id) => [id, range(-0.7, 1.4)] as const), [output, range(-1, 3)] as const]);
  assert.is(float.nodes.length, 1);
  return { observer: 'min-max', samples: 1, sha256: '', ranges };
}

function codesOf(random: Random, tensor: IntegerTensor): Codes {
  return random.codes(new Int8Array(elementCount(tensor.shape)), ...tensor.codeRange);
}

/** Float evaluation of dequantized inputs and weights, with the bias as it was. */
async function floatOutput(one: LoweringCase, float: FloatGraph, graph: IntegerGraph, codes: readonly Codes[]): Promise<Float32Array> {
  const ids = float.nodes[0]!.inputs;
  const activations = codes.map((list, i) => ({ shape: one.inputs[i]!, data: real(graph.tensors.get(ids[i]!)!, list) }));
  const constants = one.constants.map((shape, i) => {
    const id = ids[codes.length + i]!;
    const data = i === 0 ? real(graph.tensors.get(id)!, graph.tensors.get(id)!.constant!.data) : (float.tensors.get(id)!.data as Float32Array);
    return { shape, constant: true, data };
  });
  return (await evaluateFloat(one.op, one.attributes, [...activations, ...constants], 1)).values;
}

function real(tensor: IntegerTensor, codes: Codes): Float32Array {
  const { real: meaning, shape } = tensor;
  if (meaning?.kind !== 'affine') throw new Error(`'${tensor.name}' has no affine meaning`);
  const inner = meaning.axis === null ? 1 : elementCount(shape.slice(meaning.axis + 1));
  return Float32Array.from(codes, (code, i) => {
    const entry = Math.floor(i / inner) % meaning.scale.length;
    return meaning.scale[entry]! * (code - meaning.zeroPoint[entry]!);
  });
}

function compare(graph: IntegerGraph, output: string, actual: Codes, expected: Float32Array): void {
  const node = graph.nodes[0]!;
  const { real: meaning } = graph.tensors.get(output)!;
  if (meaning?.kind !== 'affine') throw new Error('the output has no affine meaning');
  const bias = node.inputs[2] === undefined ? null : graph.tensors.get(node.inputs[2])!.real;
  const biasQuantum = bias?.kind === 'affine' ? Math.max(...bias.scale) : 0;
  const [low, high] = node.requantize!.clamp;
  expected.forEach((value, i) => {
    const ideal = value / meaning.scale[0]! + meaning.zeroPoint[0]!;
    const clamped = Math.min(Math.max(ideal, low), high);
    const quanta = Math.abs(actual[i]! - clamped);
    const allowed = 0.51 + (0.5 * biasQuantum) / meaning.scale[0]!;
    assert.ok(quanta <= allowed, `${node.op}: element ${i} is ${actual[i]}, ideally ${ideal}: ${quanta} quanta, allowed ${allowed}`);
  });
}
