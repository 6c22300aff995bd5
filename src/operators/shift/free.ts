/** Which nodes the portable kernels compute without any multiplication or division. */
import { integerTensor, type IntegerGraph, type IntegerNode } from '../../graph/integer.js';

/** They move, compare or look up codes. */
const MOVES: ReadonlySet<string> = new Set(['clamp', 'max-pool2d', 'concat', 'slice', 'pad', 'transpose', 'reshape', 'gather', 'input-table']);

/** Sums of codes whose scale changes by shifts and additions. */
const SUMS: ReadonlySet<string> = new Set(['requantize', 'average-pool2d', 'reduce']);

export function isMultiplicationFree(node: IntegerNode, graph: IntegerGraph): boolean {
  // Tables of wide inputs are lines between knots.
  if (node.op === 'unary') return integerTensor(graph, node.inputs[0]!).type.bits <= 8;
  if (MOVES.has(node.op)) return true;
  if (node.op === 'resize') return node.attributes['mode'] === 'nearest';
  if (!SUMS.has(node.op)) return false;
  if (node.attributes['function'] === 'max') return true;
  return (node.requantize?.mode === 'shift' || node.requantize?.mode === 'csd') && !scalesWindows(node);
}

/** Windows at the border whose sums are multiplied so that all have one divisor. */
function scalesWindows({ op, attributes }: IntegerNode): boolean {
  return op === 'average-pool2d' && attributes['countIncludePad'] === false && (attributes['pad'] as readonly number[]).some((amount) => amount > 0);
}
