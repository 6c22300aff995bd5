/** Raw uint8 data → codes: one table for all channels, or one a channel of the last axis. */
import type { SimKernel } from '../kernel.js';
import { inputShape } from '../nodes.js';

export const inputTable: SimKernel = (node, graph) => {
  const tables = inputShape(node, graph, 1)[0]!;
  return ([input, table], [output]) => {
    for (let i = 0; i < output!.length; i++) output![i] = table![(i % tables) * 256 + input![i]!]!;
  };
};
