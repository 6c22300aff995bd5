/** Codes clamped to a range. */
import type { SimKernel } from '../kernel.js';
import { integers } from '../nodes.js';

export const clamp: SimKernel = (node) => {
  const [low, high] = integers(node, 'clamp') as readonly [number, number];
  return ([input], [output]) => {
    for (let i = 0; i < output!.length; i++) output![i] = Math.min(high, Math.max(low, input![i]!));
  };
};
