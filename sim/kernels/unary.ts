/** A function of one variable: a table indexed by code − lowest code, or of wide codes a line between the two nearest knots. */
import type { PreparedKernel, SimKernel } from '../kernel.js';
import { tensorAt } from '../nodes.js';
import { interpolate } from '../scalar/interpolate.js';

/** Knots lie 2^(bits − 9) codes apart, the first at the lowest code. */
const KNOT_BITS = 9;

export const unary: SimKernel = (node, graph) => {
  const { bits, signed } = tensorAt(graph, node.inputs[0]!).type;
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  if (bits >= KNOT_BITS) return interpolated(lowest, bits - KNOT_BITS);
  return ([input, table], [output]) => {
    for (let i = 0; i < output!.length; i++) output![i] = table![input![i]! - lowest]!;
  };
};

function interpolated(lowest: number, places: number): PreparedKernel {
  return ([input, table], [output]) => {
    for (let i = 0; i < output!.length; i++) {
      const position = input![i]! - lowest;
      const knot = position >> places;
      output![i] = interpolate(table![knot]!, table![knot + 1]!, position & ((1 << places) - 1), places);
    }
  };
}
