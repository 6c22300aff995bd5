/**
 * The integer form of layer normalization: inputs x, one gain and one offset an element of a row. With
 * share = (x − mean) / sqrt(Σ(x − mean)² + epsilon) in Q15 the accumulator is share·gain + offset, and one shift, rounded half
 * up, ends it. The output's zero point is in the offset.
 */
import { elementCount, type Attributes, type FloatNode } from '../graph/float.js';
import { constantCodes, type AccumulatorBounds, type IntegerGraph, type IntegerNode, type IntegerTensor } from '../graph/integer.js';
import { typeRange } from '../graph/lanes.js';
import { integerAttribute, numberAttribute } from './attributes.js';
import { inPlaceInputs } from './binary.js';
import { checkInteger, expectPerTensor, expectShape, integerGraphError, nodeTensors, sumOfIntervals } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import type { ActivationPlan, LowerContext } from './lower.js';
import { fewDigits } from './shift/digits.js';
import { cType, requantizeScalars, requantizeView, typeName } from './views.js';

/** Shares lie in [−2^15, 2^15). */
const ONE = 32768;
const MOST_SHIFT = 30;
/** Sums of squares are exact in doubles, and far from 64 bits. */
const MOST_SQUARES = 2 ** 52;

/** Bits of the mean behind the point: deviations stay below 2^15, or 2^16 of 16-bit codes. */
export function fractionBits(bits: number): number {
  return Math.max(0, 15 - bits);
}

export interface LayerNormConstants {
  readonly fractionBits: number;
  /** length·epsilon in squares of 2^−fractionBits codes. */
  readonly epsilon: number;
  readonly gain: Int32Array;
  readonly offset: Int32Array;
  readonly shift: number;
}

/** As many places as keep gains below 2^15 and offsets below 2^29. `gamma` and `beta` have the length of a row unless `length` says it. */
export function layerNormConstants(input: ActivationPlan, output: ActivationPlan, epsilon: number, gamma: ArrayLike<number>, beta: ArrayLike<number>, length = gamma.length): LayerNormConstants {
  const fraction = fractionBits(input.bits);
  const gains = Array.from(gamma, (g) => (g * Math.sqrt(length)) / output.scale / ONE);
  const offsets = Array.from(beta, (b) => b / output.scale + output.zeroPoint);
  const largest = (values: readonly number[]) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const [gain, offset] = [largest(gains), largest(offsets)];
  let shift = 0;
  while (shift < MOST_SHIFT && gain * 2 ** (shift + 1) < ONE - 1 && offset * 2 ** (shift + 1) < 2 ** 29) shift++;
  const codes = (values: readonly number[]) => Int32Array.from(values, (v) => Math.floor(v * 2 ** shift + 0.5));
  const units = Math.floor((length * epsilon * 4 ** fraction) / input.scale ** 2 + 0.5);
  return { fractionBits: fraction, epsilon: Math.min(units, MOST_SQUARES / 2), gain: codes(gains), offset: codes(offsets), shift };
}

export function lowerLayerNorm(node: FloatNode, context: LowerContext): void {
  const [x, gamma, beta] = node.inputs;
  const { shape } = context.float(x!);
  const length = elementCount(shape.slice(integerAttribute(node, 'axis')));
  const [input, output] = [context.activation(x!), context.activation(node.outputs[0]!)];
  const parameter = (id: string | undefined, missing: number) => (id === undefined ? new Float32Array(length).fill(missing) : context.float(id).data);
  const [gammas, betas] = [parameter(gamma, 1), parameter(beta, 0)];
  if (!gammas || !betas) return context.unsupported(node, 'gamma and beta must be constants');
  emitNorm(node, context, layerNormConstants(input, output, numberAttribute(node, 'epsilon'), gammas, betas), { axis: integerAttribute(node, 'axis') });
}

/** The integer node of a normalization: one gain and one offset a parameter. */
export function emitNorm(node: FloatNode, context: LowerContext, made: LayerNormConstants, attributes: Attributes): void {
  const { gain: exact, offset, shift, ...constants } = made;
  const output = context.activation(node.outputs[0]!);
  const gain = context.arith === 'shift' ? exact.map(fewDigits) : exact;
  if (gain.some((g) => Math.abs(g) >= ONE)) return context.unsupported(node, `its output range is too small for its gains: one code of the output is ${output.scale}`);
  const parameters = [context.constant(`${node.id}:gain`, [gain.length], 16, true, gain), context.constant(`${node.id}:offset`, [gain.length], 32, true, offset)];
  context.emit({
    op: node.op,
    inputs: [context.integer(node.inputs[0]!).id, ...parameters],
    outputs: [context.output(node.outputs[0]!).id],
    attributes: { ...attributes, ...constants },
    requantize: { mode: 'shift', shift: [shift], rounding: 'halfUp', zeroPoint: 0, clamp: typeRange(output) },
    from: node,
  });
}

/** Elements of a row, and how many rows there are. */
function rowsOf(node: IntegerNode, x: IntegerTensor): { readonly rows: number; readonly depth: number } {
  const axis = checkInteger(node, () => integerAttribute(node, 'axis', 0));
  return { rows: elementCount(x.shape.slice(0, axis)), depth: elementCount(x.shape.slice(axis)) };
}

function mostOf({ type }: IntegerTensor): number {
  return Math.max(...typeRange(type).map(Math.abs));
}

export function verifyLayerNorm(node: IntegerNode, graph: IntegerGraph): void {
  const { depth } = rowsOf(node, nodeTensors(node, graph, 3).inputs[0]!);
  verifyNorm(node, graph, depth, depth);
}

/** `depth`: elements whose mean and squares are taken together; `parameters`: gains and offsets. */
export function verifyNorm(node: IntegerNode, graph: IntegerGraph, depth: number, parameters: number): void {
  const { inputs, output } = nodeTensors(node, graph, 3);
  const [x, gain, offset] = inputs as [IntegerTensor, IntegerTensor, IntegerTensor];
  expectShape(node, output, x.shape);
  for (const tensor of [x, output]) verifyActivationType(node, tensor);
  expectPerTensor(node, output);
  for (const [tensor, bits] of [[gain, 16], [offset, 32]] as const) {
    expectShape(node, tensor, [parameters]);
    if (!tensor.constant || tensor.type.bits !== bits || !tensor.type.signed) throw integerGraphError(node, `'${tensor.name}' must be a constant of ${bits} signed bits`);
  }
  if (integerAttribute(node, 'fractionBits') !== fractionBits(x.type.bits)) throw integerGraphError(node, `codes of ${x.type.bits} bits need ${fractionBits(x.type.bits)} fraction bits`);
  const epsilon = checkInteger(node, () => integerAttribute(node, 'epsilon', 0));
  const unit = 2 ** fractionBits(x.type.bits);
  if (2 * unit * mostOf(x) * depth + depth >= 2 ** 31) throw integerGraphError(node, `the sum of ${depth} codes and its fraction leave 32 bits`);
  if (epsilon + depth * (2 * unit * mostOf(x)) ** 2 >= 2 * MOST_SQUARES) throw integerGraphError(node, `the sum of ${depth} squares leaves 53 bits`);
}

export function boundLayerNorm(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const [gain, offset] = [constantCodes(graph, node.inputs[1]!), constantCodes(graph, node.inputs[2]!)];
  const reach = Array.from(gain, (g, i) => sumOfIntervals([[-ONE * Math.abs(g), ONE * Math.abs(g)], [offset[i]!, offset[i]!]]));
  return { accumulator: [[Math.min(...reach.map(([low]) => low)), Math.max(...reach.map(([, high]) => high))]], accumulatorBits: 32 };
}

export function instantiateLayerNorm(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const x = nodeTensors(node, graph, 3).inputs[0]!;
  const { rows, depth } = rowsOf(node, x);
  return instantiateNorm(node, graph, 'layer-norm', depth, { rows });
}

/** The portable kernel of a normalization over `depth` elements at a time. */
export function instantiateNorm(node: IntegerNode, graph: IntegerGraph, template: string, depth: number, sizes: object): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 3);
  const [x, gain, offset] = inputs as [IntegerTensor, IntegerTensor, IntegerTensor];
  const fraction = integerAttribute(node, 'fractionBits');
  const view = {
    inputType: cType(x.type),
    outputType: cType(output.type),
    ...sizes,
    depth,
    fraction,
    unit: 2 ** fraction,
    squaresType: mostOf(x) ** 2 * depth < 2 ** 31 ? 'int32_t' : 'int64_t',
    epsilon: `INT64_C(${integerAttribute(node, 'epsilon')})`,
    requantize: requantizeView(node.requantize!),
  };
  return {
    family: 'portable',
    template,
    stem: `${template.replace('-', '_')}_${typeName(x.type)}`,
    view,
    arguments: [
      { kind: 'input', tensor: x.id },
      { kind: 'output', tensor: output.id },
      { kind: 'constant', name: 'gain', data: constantCodes(graph, gain.id) },
      { kind: 'constant', name: 'offset', data: constantCodes(graph, offset.id) },
    ],
    scratchBytes: 0,
    scalars: ['layerNormMean', 'layerNormSquares', 'layerNormShift', 'layerNormReciprocal', 'layerNormShare', ...requantizeScalars(node.requantize!)],
    inPlace: inPlaceInputs({ ...node, inputs: [x.id] }, graph),
  };
}
