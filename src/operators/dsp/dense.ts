/** dense on cores with SMLAD: three rows with two channels at a time, or one row with four. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { linearTensors } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { type MatrixSize, multiplyInstance } from './matrix.js';
import { fitsProducts, tileFor } from './products.js';

function sizeOf(node: IntegerNode, graph: IntegerGraph): MatrixSize {
  const t = linearTensors(node, graph);
  const [channels, depth] = t.weights.shape as [number, number];
  return { rows: elementCount(t.x.shape) / depth, depth, channels };
}

const rows: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const size = sizeOf(node, context.graph);
    return size.depth >= 4 && tileFor(size.rows, size.channels, context) !== null && fitsProducts(context, linearTensors(node, context.graph), size.channels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const t = linearTensors(node, context.graph);
    const size = sizeOf(node, context.graph);
    return multiplyInstance(node, t, linearStem('dense', t, node), size, fitsProducts(context, t, size.channels)!, context);
  },
};

export const dspDense: readonly Kernel[] = [rows];
