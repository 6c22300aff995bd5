/** Fully connected layers on Helium. */
import { elementCount } from '../../graph/float.js';
import type { Kernel } from '../kernel.js';
import { linearTensors } from '../linear/integer.js';
import { matrixKernel } from './linear.js';

export const mveDense: readonly Kernel[] = [
  matrixKernel('', (node, graph) => {
    const t = linearTensors(node, graph);
    const [channels, depth] = t.weights.shape as [number, number];
    return { t, rows: elementCount(t.x.shape) / depth, channels, depth };
  }),
];
