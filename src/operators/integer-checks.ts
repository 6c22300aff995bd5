/** Checks that the integer sides of element-wise, pooling and copying operators share. Every error names the layer. */
import { typeRange } from '../graph/lanes.js';
import type { IntegerGraph, IntegerNode, IntegerTensor, Requantize } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { checkInteger, integerGraphError, verifyRequantize } from './linear/integer.js';

export { checkInteger, integerGraphError };

/** Inputs and the output of a node; throws unless their numbers are right. */
export function nodeTensors(node: IntegerNode, graph: IntegerGraph, least: number, most = least): { readonly inputs: readonly IntegerTensor[]; readonly output: IntegerTensor } {
  if (node.inputs.length < least || node.inputs.length > most || node.outputs.length !== 1) {
    throw integerGraphError(node, `takes ${least === most ? least : `${least} or more`} input(s) and has one output, not ${node.inputs.length} and ${node.outputs.length}`);
  }
  return { inputs: node.inputs.map((id) => integerTensor(graph, id)), output: integerTensor(graph, node.outputs[0]!) };
}

export function expectShape(node: IntegerNode, tensor: IntegerTensor, shape: readonly number[]): void {
  if (tensor.shape.length !== shape.length || tensor.shape.some((d, i) => d !== shape[i])) {
    throw integerGraphError(node, `'${tensor.name}' has shape [${tensor.shape.join(', ')}], not [${shape.join(', ')}]`);
  }
}

/** Codes are copied: both tensors have the same type, and the output's range holds the input's. */
export function expectCopy(node: IntegerNode, from: IntegerTensor, to: IntegerTensor): void {
  const same = from.type.bits === to.type.bits && from.type.signed === to.type.signed && from.type.packed === to.type.packed;
  if (!same || from.codeRange[0] < to.codeRange[0] || from.codeRange[1] > to.codeRange[1]) {
    throw integerGraphError(node, `copies '${from.name}' to '${to.name}', whose type or range does not hold its codes`);
  }
}

/** A requantization with one multiplier for the whole tensor. */
export function expectPerTensor(node: IntegerNode, output: IntegerTensor): Requantize {
  return verifyRequantize(node, output, 1);
}

/** `clamp: [low, high]` among the attributes, in codes of the output. */
export function clampAttribute(node: IntegerNode, output: IntegerTensor): readonly [number, number] {
  const value = node.attributes['clamp'] as unknown as readonly [number, number] | undefined;
  const good = Array.isArray(value) && value.length === 2 && value.every((v) => Number.isInteger(v)) && value[0] <= value[1];
  const [lowest, highest] = typeRange(output.type);
  if (!good || value[0] < lowest || value[1] > highest) {
    throw integerGraphError(node, `attribute 'clamp' must be [low, high] within the codes of '${output.name}'`);
  }
  return value;
}

export function zeroPoints(node: IntegerNode, count: number): readonly number[] {
  const value = node.attributes['inputZeroPoints'];
  if (!Array.isArray(value) || value.length !== count || !value.every((v) => Number.isInteger(v))) {
    throw integerGraphError(node, `attribute 'inputZeroPoints' must be ${count} integers`);
  }
  return value as unknown as readonly number[];
}

/** [low, high] of Σ over intervals. */
export function sumOfIntervals(intervals: readonly (readonly [number, number])[]): readonly [number, number] {
  return intervals.reduce<readonly [number, number]>(([low, high], [a, b]) => [low + a, high + b], [0, 0]);
}

/** Interval of factor·(x − zeroPoint) for x in [low, high]. */
export function scaledInterval([low, high]: readonly [number, number], zeroPoint: number, factor: number): readonly [number, number] {
  const [a, b] = [factor * (low - zeroPoint), factor * (high - zeroPoint)];
  return [Math.min(a, b) + 0, Math.max(a, b) + 0];
}
