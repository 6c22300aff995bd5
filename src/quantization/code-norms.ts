/** Normalizations and softmax with the roundings of the integers, which ranks of values behind them are sensitive to. */
import { elementCount, type Attributes, type FloatNode, type TensorId } from '../graph/float.js';
import { constantCodes, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import type { QuantizationPlan } from '../operators/lower.js';
import { EXACT_INTEGERS, type CodeWriter } from './code-writer.js';

/** e^0 of softmax's table; shares of a layer normalization lie in [−2^15, 2^15). */
const ONE = 32768;

/** What a normalization takes together: the input in a shape with these axes, and the shape of gains and offsets. */
interface NormAxes {
  readonly x: TensorId;
  readonly axes: readonly number[];
  readonly parameters: readonly number[];
}

/** Layer and group normalization. False where the node was not lowered to one with as many parameters. */
export function normOnCodes(writer: CodeWriter, node: FloatNode, lowered: IntegerNode, integer: IntegerGraph, { activations }: QuantizationPlan): boolean {
  if (!['layer-norm', 'group-norm'].includes(node.op) || lowered.op !== node.op || lowered.requantize?.mode !== 'shift') return false;
  const [input, output] = [activations.get(node.inputs[0]!), activations.get(node.outputs[0]!)];
  const [gain, offset] = lowered.inputs.slice(1).map((id) => constantCodes(integer, id));
  const { shape } = writer.tensors.get(node.inputs[0]!)!;
  const normalized = node.op === 'group-norm' ? shape.slice(-1) : shape.slice(node.attributes['axis'] as number);
  if (!input || input.twin || !output || gain!.length !== elementCount(normalized)) return false;
  const norm = node.op === 'group-norm' ? groupedAxes(writer, node, shape) : { x: node.inputs[0]!, axes: shape.map((_, i) => i).slice(-normalized.length), parameters: normalized };
  const unit = output.scale * 2 ** -lowered.requantize.shift[0]!;
  const gains = writer.constant(node, 'gain', norm.parameters, Array.from(gain!, (g) => g * unit));
  const offsets = writer.constant(node, 'offset', norm.parameters, Array.from(offset!, (o) => o * unit - output.zeroPoint * output.scale));
  const weighted = writer.step(node, 'weighted', 'mul', [sharesOf(writer, node, lowered, input.scale, norm), gains], norm.x);
  const sum = { ...node, op: 'add', inputs: [weighted, offsets], attributes: { activation: null } };
  if (norm.x === node.inputs[0]) writer.nodes.push(sum);
  else writer.nodes.push({ ...node, op: 'reshape', inputs: [writer.step(node, 'grouped:sum', 'add', sum.inputs, norm.x)], attributes: { shape } });
  return true;
}

/** Channels become groups and what is in them. */
function groupedAxes(writer: CodeWriter, node: FloatNode, shape: readonly number[]): NormAxes {
  const [groups, channels] = [node.attributes['groups'] as number, shape.at(-1)!];
  const parameters = [groups, channels / groups];
  return { x: writer.reshaped(node, 'grouped', node.inputs[0]!, [elementCount(shape) / channels, ...parameters]), axes: [0, 2], parameters };
}

/** (x − mean)/sqrt(Σ(x − mean)² + epsilon) in Q15, step by step as sim/scalar/layer-norm.ts has it. */
function sharesOf(writer: CodeWriter, node: FloatNode, { attributes }: IntegerNode, inputScale: number, { x, axes }: NormAxes): TensorId {
  const step = (part: string, op: string, inputs: readonly TensorId[]): TensorId => writer.step(node, part, op, inputs, x);
  const codes = writer.codesOf(node, 'codes', x, inputScale);
  const fine = writer.scaled(node, codes, [2 ** (attributes['fractionBits'] as number)], writer.tensor(node, 'fine', x));
  const deviation = step('deviation', 'sub', [fine, writer.integers(writer.reduced(node, 'mean', fine, axes))]);
  const sum = writer.reduced(node, 'sum', step('squared', 'mul', [deviation, deviation]), axes);
  const squares = writer.step(node, 'squares', 'add', [sum, writer.constant(node, 'epsilon', [1], [attributes['epsilon'] as number])], sum);
  const { reciprocal, low, high } = reciprocalOf(writer, node, squares);
  const coarse = writer.integers(step('coarse', 'mul', [deviation, low]));
  const product = step('product', 'mul', [step('raised', 'mul', [coarse, high]), reciprocal]);
  return writer.integers(writer.scaled(node, product, [2 ** -16], writer.tensor(node, 'shares', x)));
}

/** floor((2^31 − 1)/floor(√squares·2^k)) with the k that takes the root into [2^15, 2^16), and 2^k where k < 0, 2^k where k > 0. */
function reciprocalOf(writer: CodeWriter, node: FloatNode, squares: TensorId): { readonly reciprocal: TensorId; readonly low: TensorId; readonly high: TensorId } {
  const row = (part: string, op: string, inputs: readonly TensorId[], attributes?: Attributes): TensorId => writer.step(node, part, op, inputs, squares, attributes);
  const unary = (part: string, name: string, input: TensorId): TensorId => row(part, 'unary', [input], { function: name, alpha: 0, beta: 0 });
  const plus = (part: string, input: TensorId, value: number): TensorId => row(part, 'add', [input, writer.constant(node, `${part}:added`, [1], [value])]);
  const scaled = (part: string, input: TensorId, factor: number): TensorId => writer.scaled(node, input, [factor], writer.tensor(node, part, squares));
  // Rounded half up, so that less a half is the floor; k as minus its floor.
  const exponent = scaled('exponent', unary('log', 'log', squares), -0.5 / Math.LN2);
  const k = writer.integers(plus('k', exponent, 15.5 - 1e-6));
  const power = (part: string, min: number, max: number): TensorId => unary(`${part}:power`, 'exp', scaled(part, row(`${part}:k`, 'clamp', [k], { min, max }), Math.LN2));
  const [low, high] = [power('low', Number.NEGATIVE_INFINITY, 0), power('high', 0, Number.POSITIVE_INFINITY)];
  const raised = row('whole', 'mul', [row('lowered', 'mul', [unary('root', 'sqrt', squares), low]), high]);
  const root = writer.integers(plus('root:floor', raised, -0.5));
  const quotient = scaled('quotient', unary('inverse', 'reciprocal', root), 2 ** 31 - 1);
  return { reciprocal: writer.integers(plus('reciprocal', quotient, -0.5)), low, high };
}

/** Exponentials of the integers' table over their sum. False for other forms, other axes than the last, and long rows. */
export function softmaxOnCodes(writer: CodeWriter, node: FloatNode, lowered: IntegerNode, { activations }: QuantizationPlan): boolean {
  if (node.op !== 'softmax' || lowered.op !== 'softmax' || lowered.attributes['variant'] !== 'dyadic') return false;
  const [x, input] = [node.inputs[0]!, activations.get(node.inputs[0]!)];
  const { shape } = writer.tensors.get(x)!;
  const axis = shape.length - 1;
  if (!input || input.twin || input.bits > 8 || node.attributes['axis'] !== axis || shape[axis]! * ONE >= EXACT_INTEGERS) return false;
  const codes = writer.codesOf(node, 'codes', x, input.scale);
  const distance = writer.step(node, 'distance', 'sub', [codes, writer.reduced(node, 'max', codes, [axis])]);
  const scaled = writer.scaled(node, distance, [input.scale * (node.attributes['beta'] as number)], writer.tensor(node, 'scaled', x));
  const exponential = writer.step(node, 'exponential', 'unary', [scaled], x, { function: 'exp', alpha: 0, beta: 0 });
  const terms = writer.integers(writer.scaled(node, exponential, [ONE], writer.tensor(node, 'terms', x)));
  const quotient = writer.step(node, 'quotient', 'div', [terms, writer.reduced(node, 'sum', terms, [axis])]);
  // Two ranges are chosen between when the share is an integer already.
  const steps = lowered.attributes['steps'] as number;
  const share = writer.integers(writer.scaled(node, quotient, [steps], writer.tensor(node, 'shares', x)));
  writer.scaled(node, share, [1 / steps], node.outputs[0]!);
  return true;
}
