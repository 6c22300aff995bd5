/** Proofs of range: no accumulator, left shift or rescaled value leaves 32 bits for any input. */
import { AccumulatorOverflowError } from '../errors.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, Requantize } from '../graph/integer.js';
import { findOperator } from '../operators/index.js';

/** The node with its bounds, recomputed from the graph's constants and code ranges. */
export function proveNode(node: IntegerNode, graph: IntegerGraph): IntegerNode {
  const bounds = findOperator(node.op)?.integer?.bounds?.(node, graph);
  if (!bounds) return node.bounds ? withoutBounds(node) : node;
  proveAccumulators(node, bounds);
  if (node.requantize) proveRescaling(node, bounds, node.requantize);
  return { ...node, bounds };
}

function withoutBounds({ bounds: _dropped, ...node }: IntegerNode): IntegerNode {
  return node;
}

function proveAccumulators(node: IntegerNode, bounds: AccumulatorBounds): void {
  const limit = bounds.accumulatorBits === 32 ? 2 ** 31 : 2 ** 53;
  bounds.accumulator.forEach(([low, high], channel) => {
    if (low < -limit || high > limit - 1) throw overflow(node, channel, `its accumulator can reach [${low}, ${high}], which ${bounds.accumulatorBits} bits do not hold`);
  });
}

/** A left shift happens before the multiplication, and the rescaled value and its zero point share 32 bits. */
function proveRescaling(node: IntegerNode, bounds: AccumulatorBounds, requantize: Requantize): void {
  bounds.accumulator.forEach(([low, high], channel) => {
    const magnitude = Math.max(Math.abs(low), Math.abs(high));
    const { shiftedLeft, factor } = rescaling(requantize, channel);
    if (magnitude * shiftedLeft >= 2 ** 31 || magnitude * factor + Math.abs(requantize.zeroPoint) + 1 >= 2 ** 31) {
      throw overflow(node, channel, `rescaling its accumulator, up to ${magnitude}, by ${factor} leaves 32 bits`);
    }
  });
}

function rescaling(requantize: Requantize, channel: number): { readonly shiftedLeft: number; readonly factor: number } {
  const of = <T>(list: readonly T[]): T => list[list.length === 1 ? 0 : channel];
  switch (requantize.mode) {
    case 'tfliteDouble':
      return { shiftedLeft: 2 ** Math.max(0, of(requantize.shift)), factor: of(requantize.multiplier) * 2 ** (of(requantize.shift) - 31) };
    case 'tfliteSingle':
    case 'tfliteInt16':
      return { shiftedLeft: 0, factor: of(requantize.multiplier) * 2 ** (of(requantize.shift) - 31) };
    case 'dyadic':
      return { shiftedLeft: 0, factor: Math.abs(of(requantize.multiplier)) * 2 ** -of(requantize.shift) };
    case 'dyadicHigh':
      return { shiftedLeft: 0, factor: Math.abs(of(requantize.multiplier)) * 2 ** -32 };
    case 'shift':
      return { shiftedLeft: 0, factor: 2 ** -of(requantize.shift) };
    case 'csd':
      return { shiftedLeft: 0, factor: Math.abs(of(requantize.digits).reduce((sum, d) => sum + d.sign * 2 ** d.exponent, 0)) * 2 ** -of(requantize.shift) };
  }
}

function overflow(node: IntegerNode, channel: number, what: string): AccumulatorOverflowError {
  return new AccumulatorOverflowError(`layer '${node.origin.nodeName || node.id}' (${node.op}), output channel ${channel}: ${what}`, {
    origin: node.origin,
    hint: 'use fewer weight or activation bits for this layer, or split its input channels',
  });
}
