/** Element-wise operators of two operands: broadcasting, then one accumulator and one requantization an element. */
import type { IntegerGraph, IntegerNode, PreparedKernel } from './kernel.js';
import { broadcastIndices, inputShape, outputShape } from './nodes.js';
import { requantizer } from './requantize.js';

export function binaryKernel(node: IntegerNode, graph: IntegerGraph, accumulate: (a: number, b: number) => number): PreparedKernel {
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const shape = outputShape(node, graph);
  const [fromA, fromB] = [0, 1].map((i) => broadcastIndices(inputShape(node, graph, i), shape)) as [Int32Array, Int32Array];
  const finish = requantizer(node.requantize);
  return ([a, b], [output], accumulators) => {
    for (let i = 0; i < output!.length; i++) {
      const accumulator = accumulate(a![fromA[i]!]!, b![fromB[i]!]!);
      if (accumulators) accumulators[i] = accumulator;
      output![i] = finish(accumulator, 0);
    }
  };
}
