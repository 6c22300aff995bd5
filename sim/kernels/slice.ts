/** A regular sub-box. */
import { copyKernel } from '../copy.js';
import type { SimKernel } from '../kernel.js';
import { inputShape, integers, rowMajor, sourceIndices, steps } from '../nodes.js';

export const slice: SimKernel = (node, graph) => {
  const strides = rowMajor(inputShape(node, graph, 0));
  const [starts, sizes, every] = ['starts', 'sizes', 'steps'].map((name) => integers(node, name)) as [readonly number[], readonly number[], readonly number[]];
  return copyKernel(sourceIndices(sizes.map((size, i) => steps(size, every[i]! * strides[i]!, starts[i]! * strides[i]!))));
};
