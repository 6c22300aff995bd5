/** A function of one variable: a table indexed by code − lowest code. */
import type { SimKernel } from '../kernel.js';
import { tensorAt } from '../nodes.js';

export const unary: SimKernel = (node, graph) => {
  const { bits, signed } = tensorAt(graph, node.inputs[0]!).type;
  const lowest = signed ? -(2 ** (bits - 1)) : 0;
  return ([input, table], [output]) => {
    for (let i = 0; i < output!.length; i++) output![i] = table![input![i]! - lowest]!;
  };
};
