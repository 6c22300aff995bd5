/** Which nodes the portable kernels compute without any multiplication or division. */
import { integerTensor, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';

/** They move, compare or look up codes. */
const MOVES: ReadonlySet<string> = new Set(['clamp', 'concat', 'slice', 'pad', 'transpose', 'reshape', 'gather', 'input-table']);

/** Sums of codes whose scale changes by shifts and additions. */
const SUMS: ReadonlySet<string> = new Set(['requantize', 'reduce']);

export function isMultiplicationFree(node: IntegerNode, graph: IntegerGraph): boolean {
  // Tables of wide inputs are lines between knots.
  if (node.op === 'unary') return integerTensor(graph, node.inputs[0]!).type.bits <= 8;
  if (MOVES.has(node.op)) return true;
  if (node.op === 'resize') return node.attributes['mode'] === 'nearest';
  return SUMS.has(node.op) && (node.attributes['function'] === 'max' || isMultiplicationFreeRequantize(node));
}

/** One shift, or few signed digits. */
export function isMultiplicationFreeRequantize({ requantize }: IntegerNode): boolean {
  return requantize?.mode === 'shift' || requantize?.mode === 'csd';
}
