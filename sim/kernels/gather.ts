/** Elements picked along one axis by constant or given indices. */
import type { SimKernel } from '../kernel.js';
import { axisOf, count, inputShape } from '../nodes.js';

export const gather: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const axis = axisOf(node, shape.length);
  const before = count(shape.slice(0, axis));
  const after = count(shape.slice(axis + 1));
  const block = shape[axis]! * after;
  return ([table, indices], [output]) => {
    let at = 0;
    for (let b = 0; b < before; b++) {
      for (let i = 0; i < indices!.length; i++) {
        const from = b * block + indices![i]! * after;
        for (let k = 0; k < after; k++) output![at++] = table![from + k]!;
      }
    }
  };
};
