/** Axes in another order. */
import { copyKernel } from '../copy.js';
import type { SimKernel } from '../kernel.js';
import { inputShape, integers, rowMajor, sourceIndices, steps } from '../nodes.js';

export const transpose: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const strides = rowMajor(shape);
  return copyKernel(sourceIndices(integers(node, 'permutation').map((axis) => steps(shape[axis]!, strides[axis]!))));
};
