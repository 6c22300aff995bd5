/**
 * Runs ONNX's own operator vectors (Debian's libonnx-testdata): model.onnx, input_*.pb, output_*.pb in a folder a case.
 *
 * In those models everything is a network input, weights and target shapes too, which no deployed network has. So each
 * case is tried with all real-valued inputs as activations, then with the first one alone, then with none (folding).
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createExecutor } from '../../src/calibration/executor.js';
import { permuteConstant, type ConstantArray } from '../../src/frontends/constant-array.js';
import { roundHalfToEven } from '../../src/frontends/onnx/fold-elementwise.js';
import { foldedOnlyOperators, importOnnx, runTimeOperators } from '../../src/frontends/onnx/index.js';
import { decodeModel, decodeTensor, encodeModel, type ModelMessage, type TensorMessage } from '../../src/frontends/onnx/proto.js';
import { isFloatType, readTensor } from '../../src/frontends/onnx/tensor-data.js';
import { UnsupportedOperatorError } from '../../src/errors.js';
import { elementCount, type FloatGraph, type GraphPort } from '../../src/graph/float.js';

export const VECTOR_DIRECTORY = '/usr/share/libonnx-testdata/data';
/** Single nodes; single layers exported from PyTorch with their weights; small PyTorch expressions. */
export const VECTOR_SETS = ['node', 'pytorch-converted', 'pytorch-operator'] as const;
export type VectorSet = (typeof VECTOR_SETS)[number];

/** max|a−b| ≤ TOLERANCE·max|b|; vectors stored in 16 bits are good to two or three digits. */
const TOLERANCE = 1e-4;
const HALF_TOLERANCE = 1e-2;
const FLOAT16 = 10;
const BFLOAT16 = 16;
/** uint8, int8, int32: data rather than shapes and axes, which are int64. */
const INTEGER_DATA: readonly number[] = [2, 3, 6];

const claimedOperators = new Set([...runTimeOperators, ...foldedOnlyOperators]);

export type Form = 'all inputs at run time' | 'first input at run time' | 'folded';

/** Operators that have not changed since an older opset are stored with that opset; they mean the same in this one. */
const OLDEST_OPSET = 7;

export interface VectorResult {
  readonly name: string;
  readonly operators: readonly string[];
  readonly outcome: 'agrees' | 'refused' | 'differs' | 'fails';
  readonly form: Form | null;
  /** The further outputs (statistics, indices) are not supported and were left out. */
  readonly firstOutputOnly: boolean;
  readonly reason: string;
}

export function vectorsPresent(): boolean {
  return existsSync(VECTOR_DIRECTORY);
}

/** Cases whose operators are all claimed, and how many there are of others. */
export function listVectors(set: VectorSet): { claimed: readonly string[]; other: number } {
  const claimed: string[] = [];
  let other = 0;
  for (const name of readdirSync(join(VECTOR_DIRECTORY, set)).sort()) {
    const model = decodeModel(readFileSync(join(VECTOR_DIRECTORY, set, name, 'model.onnx')));
    const tensorsOnly = (model.graph?.input ?? []).every((input) => input.type?.tensorType);
    if (tensorsOnly && operatorsOf(model).every((operator) => claimedOperators.has(operator))) claimed.push(name);
    else other++;
  }
  return { claimed, other };
}

function operatorsOf(model: ModelMessage): readonly string[] {
  const names = (model.graph?.node ?? []).map((n) => (n.domain && n.domain !== 'ai.onnx' ? `${n.domain}:${n.opType}` : (n.opType ?? '')));
  return [...new Set(names)];
}

interface VectorCase {
  readonly name: string;
  readonly model: ModelMessage;
  readonly inputs: readonly TensorMessage[];
  readonly outputs: readonly TensorMessage[];
}

function readCase(set: VectorSet, name: string): VectorCase {
  const folder = join(VECTOR_DIRECTORY, set, name);
  const model = withoutWeightInputs(decodeModel(readFileSync(join(folder, 'model.onnx'))));
  const tensors = (kind: 'input' | 'output'): readonly TensorMessage[] =>
    (model.graph?.[kind] ?? []).map((port, i) => {
      const stored = decodeTensor(readFileSync(join(folder, 'test_data_set_0', `${kind}_${i}.pb`)));
      // bfloat16 data are stored as the 16-bit integers of their bits.
      return port.type?.tensorType?.elemType === BFLOAT16 ? { ...stored, dataType: BFLOAT16 } : stored;
    });
  return { name, model, inputs: tensors('input'), outputs: tensors('output') };
}

/** Old files list weights among the inputs. */
function withoutWeightInputs(model: ModelMessage): ModelMessage {
  const weights = new Set(model.graph?.initializer?.map((t) => t.name));
  return { ...model, graph: { ...model.graph, input: (model.graph?.input ?? []).filter((port) => !weights.has(port.name)) } };
}

export async function runVector(set: VectorSet, name: string): Promise<VectorResult> {
  const vector = readCase(set, name);
  const whole = await runForms(vector);
  if (!whole.reason.includes('output is used')) return whole;
  const first = await runForms({ ...vector, model: withFirstOutput(vector.model), outputs: vector.outputs.slice(0, 1) });
  return first.outcome === 'agrees' ? { ...first, firstOutputOnly: true } : whole;
}

function withFirstOutput(model: ModelMessage): ModelMessage {
  return { ...model, graph: { ...model.graph, output: model.graph!.output!.slice(0, 1) } };
}

async function runForms(vector: VectorCase): Promise<VectorResult> {
  const { name } = vector;
  const operators = operatorsOf(vector.model);
  const read = new Set((vector.model.graph?.node ?? []).flatMap((n) => n.input ?? []));
  const isRead = (i: number): boolean => read.has(vector.model.graph!.input![i]!.name ?? '');
  const of = (test: (type: number) => boolean): readonly number[] => vector.inputs.flatMap((t, i) => (isRead(i) && test(t.dataType ?? 0) ? [i] : []));
  const real = of(isFloatType);
  const forms: readonly (readonly [Form, readonly number[]])[] = [
    ['all inputs at run time', real],
    ['first input at run time', real.slice(0, 1)],
    ['first input at run time', of((type) => INTEGER_DATA.includes(type)).slice(0, 1)],
    ['folded', []],
  ];
  const refusals: string[] = [];
  for (const [form, active] of forms) {
    if (form !== 'folded' && active.length === 0) continue;
    const attempt = await runForm(vector, new Set(active));
    const foldedBadly = form === 'folded' && attempt.outcome === 'fails' && refusals.length > 0;
    if (attempt.outcome !== 'refused' && !foldedBadly) return { name, operators, form, firstOutputOnly: false, ...attempt };
    refusals.push(attempt.reason);
  }
  return { name, operators, form: null, firstOutputOnly: false, outcome: 'refused', reason: refusals.at(-2) ?? refusals[0] ?? '' };
}

type Attempt = Pick<VectorResult, 'outcome' | 'reason'>;

async function runForm(vector: VectorCase, active: ReadonlySet<number>): Promise<Attempt> {
  let graph: FloatGraph;
  try {
    graph = importOnnx(encodeModel(bindConstants(vector, active)), `${vector.name}.onnx`);
  } catch (error) {
    if (error instanceof UnsupportedOperatorError) return { outcome: 'refused', reason: error.nodes.map((n) => `${n.origin.opType}: ${n.reason}`).join('; ') };
    return { outcome: 'fails', reason: (error as Error).message };
  }
  if (graph.nodes.length > 0 && active.size === 0 && graph.inputs.length === 0 && !everyOutputConstant(graph)) {
    return { outcome: 'refused', reason: `${operatorsOf(vector.model).join(', ')}: constants of this operator do not fold at import` };
  }
  try {
    return await compare(graph, vector);
  } catch (error) {
    return { outcome: 'fails', reason: (error as Error).message };
  }
}

function everyOutputConstant(graph: FloatGraph): boolean {
  return graph.outputs.every((port) => graph.tensors.get(port.tensor)?.data !== undefined);
}

/** The model with every input that is not in `active` turned into an initializer. */
function bindConstants(vector: VectorCase, active: ReadonlySet<number>): ModelMessage {
  const graph = vector.model.graph!;
  const ports = graph.input ?? [];
  const bound = ports.flatMap((port, i) => (active.has(i) ? [] : [{ ...vector.inputs[i]!, name: port.name }]));
  const opsetImport = (vector.model.opsetImport ?? []).map((o) => ({ ...o, version: Math.max(o.version ?? 0, OLDEST_OPSET) }));
  return { ...vector.model, opsetImport, graph: { ...graph, input: ports.filter((_, i) => active.has(i)), initializer: [...(graph.initializer ?? []), ...bound] } };
}

async function compare(graph: FloatGraph, vector: VectorCase): Promise<Attempt> {
  const names = (vector.model.graph?.input ?? []).map((p) => p.name ?? '');
  const count = graph.inputs.map(batchOf).find((n) => n > 1) ?? 1;
  const samples = new Map(graph.inputs.map((port) => [port.name, inputValues(graph, port, vector.inputs[names.indexOf(port.name)]!)]));
  const executor = await createExecutor(graph);
  try {
    const results = await executor.run(samples, count);
    for (const [i, port] of graph.outputs.entries()) {
      const expected = readTensor(vector.outputs[i]!, port.name);
      const values = results.get(port.tensor)!;
      const tolerance = [FLOAT16, BFLOAT16].includes(vector.outputs[i]!.dataType ?? 0) ? HALF_TOLERANCE : TOLERANCE;
      const problem = difference(batchFirst(expected, port), expected.shape, port, isFloatType(vector.outputs[i]!.dataType ?? 0) ? values : codesOf(graph, port, values), tolerance);
      if (problem) return { outcome: 'differs', reason: problem };
    }
    return { outcome: 'agrees', reason: '' };
  } finally {
    executor.dispose();
  }
}

function batchOf(port: GraphPort): number {
  return port.batchAxis === null ? 1 : port.sourceShape[port.batchAxis]!;
}

function batchFirst(array: ConstantArray, port: GraphPort): ConstantArray {
  if (port.batchAxis === null || array.shape.length === 0) return array;
  const axes = array.shape.map((_, i) => i).filter((i) => i !== port.batchAxis);
  return permuteConstant(array, [port.batchAxis, ...axes]);
}

/** Stored codes are given to the float graph as the real values they stand for. */
function inputValues(graph: FloatGraph, port: GraphPort, stored: TensorMessage): Float32Array | Int32Array {
  const { data } = batchFirst(readTensor(stored, port.name), port);
  const q = graph.tensors.get(port.tensor)!.quantization;
  return q && !isFloatType(stored.dataType ?? 0) ? Float32Array.from(data, (code) => (code - q.zeroPoint[0]!) * q.scale[0]!) : data;
}

/** An output that the file quantizes is compared as codes. */
function codesOf(graph: FloatGraph, port: GraphPort, values: Float32Array): Float32Array {
  const q = graph.tensors.get(port.tensor)!.quantization;
  if (!q) return values;
  const low = q.signed ? -(2 ** (q.bits - 1)) : 0;
  return values.map((v) => Math.max(low, Math.min(low + 2 ** q.bits - 1, roundHalfToEven(v / q.scale[0]!) + q.zeroPoint[0]!)));
}

function difference(expected: ConstantArray, shape: readonly number[], port: GraphPort, actual: Float32Array, tolerance: number): string | null {
  if (port.sourceShape.join() !== shape.join()) return `output '${port.name}' has shape [${port.sourceShape.join(', ')}], expected [${shape.join(', ')}]`;
  if (actual.length !== elementCount(shape)) return `output '${port.name}' has ${actual.length} values, expected ${elementCount(shape)}`;
  let largest = 0;
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    // Equal infinities and NaN agree.
    if (Object.is(expected.data[i], actual[i])) continue;
    if (Number.isFinite(expected.data[i])) largest = Math.max(largest, Math.abs(expected.data[i]!));
    worst = Math.max(worst, Math.abs(expected.data[i]! - actual[i]!));
  }
  return worst <= tolerance * largest ? null : `output '${port.name}' differs by ${worst} where values reach ${largest}`;
}
