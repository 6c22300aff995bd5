/** Tensors joined along one axis. */
import type { SimKernel } from '../kernel.js';
import { axisOf, count, inputShape, outputShape } from '../nodes.js';

export const concat: SimKernel = (node, graph) => {
  const shape = outputShape(node, graph);
  const axis = axisOf(node, shape.length);
  const chunks = node.inputs.map((_, i) => count(inputShape(node, graph, i).slice(axis)));
  const rows = count(shape.slice(0, axis));
  return (inputs, [output]) => {
    let at = 0;
    for (let row = 0; row < rows; row++) {
      inputs.forEach((input, i) => {
        const chunk = chunks[i]!;
        output!.set(input.subarray(row * chunk, (row + 1) * chunk), at);
        at += chunk;
      });
    }
  };
};
