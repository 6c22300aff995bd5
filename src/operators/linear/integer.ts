/** Reading and checking of integer nodes that multiply and accumulate. Errors name the user's layer. */
import { AccumulatorOverflowError, IntegerGraphError, PtqError } from '../../errors.js';
import type { Codes, IntegerGraph, IntegerNode, IntegerTensor, Requantize } from '../../graph/integer.js';
import { constantCodes, integerTensor } from '../../graph/integer.js';
import { verifyShiftWeights } from '../shift/weights.js';
import { shapeText } from '../attributes.js';

export function integerGraphError(node: IntegerNode, message: string): IntegerGraphError {
  return new IntegerGraphError(`${node.op} '${node.origin.nodeName}': ${message}`, { origin: node.origin });
}

/** Runs a check that may speak of shapes, and reports what it finds as an error of the integer graph. */
export function checkInteger<T>(node: IntegerNode, check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (error instanceof PtqError && !(error instanceof IntegerGraphError)) throw new IntegerGraphError(error.message, { origin: node.origin, cause: error });
    throw error;
  }
}

export interface IntegerPad {
  /** [top, bottom, left, right]. */
  readonly amounts: readonly number[];
  /** Code of padded positions, one for all or one an input channel. */
  readonly values: number | readonly number[];
}

export function padOf(node: IntegerNode): IntegerPad {
  const pad = node.attributes['pad'] as unknown as IntegerPad | undefined;
  const good = pad && Array.isArray(pad.amounts) && pad.amounts.length === 4 && pad.amounts.every((a) => Number.isInteger(a) && a >= 0);
  if (!good) throw integerGraphError(node, `attribute 'pad' must be { amounts: [top, bottom, left, right], values }`);
  const values = pad.values;
  if (!(Number.isInteger(values) || (Array.isArray(values) && values.every((v) => Number.isInteger(v))))) {
    throw integerGraphError(node, `'pad.values' must be one code or one an input channel`);
  }
  return pad;
}

/** Code of padding in every input channel. */
export function padCodes(node: IntegerNode, channels: number): readonly number[] {
  const { values } = padOf(node);
  return typeof values === 'number' ? new Array<number>(channels).fill(values) : values;
}

export interface BiasClasses {
  /** Class of every output row and of every output column. */
  readonly rows: readonly number[];
  readonly columns: readonly number[];
}

export function biasClassesOf(node: IntegerNode): BiasClasses | null {
  return (node.attributes['biasClasses'] as unknown as BiasClasses | null | undefined) ?? null;
}

export function classCount(classes: readonly number[]): number {
  return classes.reduce((most, c) => Math.max(most, c), 0) + 1;
}

/** Zero point of the input, in its codes. */
export function inputZeroPointOf(node: IntegerNode): number {
  const value = node.attributes['inputZeroPoint'];
  if (!Number.isInteger(value)) throw integerGraphError(node, `attribute 'inputZeroPoint' must be an integer`);
  return value as number;
}

/** x, weights, bias and the output of a node with weights. */
export interface LinearTensors {
  readonly x: IntegerTensor;
  readonly weights: IntegerTensor;
  readonly weightCodes: Codes;
  readonly bias: IntegerTensor;
  readonly biasCodes: Codes;
  readonly y: IntegerTensor;
}

export function linearTensors(node: IntegerNode, graph: IntegerGraph): LinearTensors {
  if (node.inputs.length !== 3 || node.outputs.length !== 1) throw integerGraphError(node, 'takes input, weights and bias and has one output');
  const [x, weights, bias] = node.inputs.map((id) => integerTensor(graph, id));
  if (!weights.constant || !bias.constant) throw integerGraphError(node, 'weights and bias must be constants');
  return { x, weights, bias, weightCodes: constantCodes(graph, weights.id), biasCodes: constantCodes(graph, bias.id), y: integerTensor(graph, node.outputs[0]) };
}

/** Checks everything that operators with weights have in common. */
export function verifyLinear(node: IntegerNode, t: LinearTensors, outputShape: readonly number[]): void {
  const channels = outputShape[outputShape.length - 1];
  if (shapeText(t.y.shape) !== shapeText(outputShape)) throw integerGraphError(node, `the output has shape ${shapeText(t.y.shape)}, not ${shapeText(outputShape)}`);
  verifyActivationType(node, t.x);
  verifyActivationType(node, t.y);
  if (!t.weights.type.signed || t.weights.type.bits > 16) throw integerGraphError(node, 'weights must be signed, 2 to 16 bits');
  verifyShiftWeights(node, t.weights);
  if (t.bias.type.bits !== 32 || !t.bias.type.signed) throw integerGraphError(node, 'the bias must be signed, 32 bits');
  const classes = biasClassesOf(node);
  const expected = classes ? [classCount(classes.rows) * classCount(classes.columns), channels] : [channels];
  if (shapeText(t.bias.shape) !== shapeText(expected)) throw integerGraphError(node, `the bias has shape ${shapeText(t.bias.shape)}, not ${shapeText(expected)}`);
  if (classes) verifyClasses(node, classes, outputShape);
  const zeroPoint = inputZeroPointOf(node);
  if (t.x.type.bits > 8 && zeroPoint !== 0) throw integerGraphError(node, 'an input of more than 8 bits must have zero point 0');
  verifyCode(node, zeroPoint, 'inputZeroPoint', t.x);
  verifyRequantize(node, t.y, channels);
}

function verifyClasses(node: IntegerNode, classes: BiasClasses, outputShape: readonly number[]): void {
  const good = (list: readonly number[], length: number) => Array.isArray(list) && list.length === length && list.every((c) => Number.isInteger(c) && c >= 0 && c < 256);
  if (!good(classes.rows, outputShape[0]) || !good(classes.columns, outputShape[1])) {
    throw integerGraphError(node, `'biasClasses' must give a class below 256 for every output row and column`);
  }
}

/** `code` is one of the tensor's type. */
export function verifyCode(node: IntegerNode, code: number, what: string, tensor: IntegerTensor): void {
  const { bits, signed } = tensor.type;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  if (code < low || code > low + 2 ** bits - 1) throw integerGraphError(node, `'${what}' ${code} is no code of '${tensor.name}'`);
}

/** The pad codes must fit the input's type: kernels hold them in its lanes. */
export function verifyPadCodes(node: IntegerNode, x: IntegerTensor): void {
  const codes = padCodes(node, x.shape[2]);
  if (codes.length !== x.shape[2]) throw integerGraphError(node, `'pad.values' has ${codes.length} codes for ${x.shape[2]} channels`);
  for (const code of codes) verifyCode(node, code, 'pad.values', x);
}

/** Kernels read activations in lanes of 8 bits of either sign, or of 16 signed bits. */
export function verifyActivationType(node: IntegerNode, tensor: IntegerTensor): void {
  const { bits, signed, packed } = tensor.type;
  if (bits > 32 || (bits > 8 && !signed) || packed) throw integerGraphError(node, `'${tensor.name}' of ${bits} ${signed ? 'signed' : 'unsigned'} bits is no activation type of this operator`);
}

/** Length of the constants, ranges of the shifts, clamp inside the output's type. */
export function verifyRequantize(node: IntegerNode, y: IntegerTensor, channels: number): Requantize {
  const r = node.requantize;
  if (!r) throw integerGraphError(node, 'has no requantization');
  const lists = [...('multiplier' in r ? [r.multiplier] : []), ...('shift' in r ? [r.shift] : []), ...('digits' in r ? [r.digits] : [])];
  if (lists.some((list) => list.length !== 1 && list.length !== channels)) {
    throw integerGraphError(node, `requantization constants must be one, or one for each of ${channels} channels`);
  }
  const { bits, signed } = y.type;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  const [clampLow, clampHigh] = r.clamp;
  if (clampLow > clampHigh || clampLow < low || clampHigh > low + 2 ** bits - 1) {
    throw integerGraphError(node, `clamp [${clampLow}, ${clampHigh}] does not lie in the ${bits} bits of '${y.name}'`);
  }
  return r;
}

/** `reach` is a bound on every partial sum of one channel, in any order. Throws AccumulatorOverflowError beyond int32. */
export function requireInt32(node: IntegerNode, reach: number, channel: number): void {
  if (reach <= 0x7fffffff) return;
  throw new AccumulatorOverflowError(`${node.op} '${node.origin.nodeName}': the accumulator of output channel ${channel} can reach ${reach}, beyond 32 bits`, {
    origin: node.origin,
    hint: 'use fewer bits for the weights or the input of this layer',
  });
}
