/** dense on cores with SMLAD: three rows with two channels at a time, or one row with four. */
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { linearTensors } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { denseSize, multiplyInstance } from './matrix.js';
import { fitsProducts, tileFor } from './products.js';

const rows: Kernel = {
  family: 'dsp',
  when(context) {
    const [node] = context.group as readonly [IntegerNode];
    const size = denseSize(node, context.graph);
    return size.depth >= 4 && tileFor(size.rows, size.channels, context) !== null && fitsProducts(context, linearTensors(node, context.graph), size.channels) !== null;
  },
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const t = linearTensors(node, context.graph);
    const size = denseSize(node, context.graph);
    return multiplyInstance(node, t, linearStem('dense', t, node), size, fitsProducts(context, t, size.channels)!, context);
  },
};

export const dspDense: readonly Kernel[] = [rows];
