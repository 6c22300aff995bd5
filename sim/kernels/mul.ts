/** Element-wise product (a − za)·(b − zb). */
import { binaryKernel } from '../binary.js';
import type { SimKernel } from '../kernel.js';
import { integers } from '../nodes.js';

export const mul: SimKernel = (node, graph) => {
  const [za, zb] = integers(node, 'inputZeroPoints') as readonly [number, number];
  return binaryKernel(node, graph, (a, b) => Math.imul(a - za, b - zb));
};
