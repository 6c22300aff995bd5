/** Depthwise convolutions on Helium with more taps than registers for their pointers; the others are in depthwise-windows.ts. */
import type { IntegerNode } from '../../graph/integer.js';
import type { Kernel } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import { linearStem } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { bodyView, depthwiseArguments, fitsLayer, mveDepthwiseWindows, packStream, read } from './depthwise-windows.js';
import { fitsVectors, VECTOR } from './products.js';

const manyTaps: Kernel = {
  family: 'mve',
  when: (context) => fitsLayer(context, read(context.group[0]!, context.graph)),
  instantiate(context) {
    const [node] = context.group as readonly [IntegerNode];
    const layer = read(node, context.graph);
    const { g, t, taps } = layer;
    const requantize = fitsVectors(context, t, g.outputChannels)!;
    const few = g.outputChannels < VECTOR;
    const body = { ...bodyView({ ...layer, taps: 2 }, requantize, few) };
    const { padded } = borderView(g, node);
    const pairs = Math.ceil(taps / 2);
    const view = { ...g, padded, suffix: body.suffix, pairs, tableSize: 2 * pairs, odd: taps % 2 === 1, outputType: cType(t.y.type), zeroPoint: requantize.zeroPoint, rowDepth: g.inputWidth * g.inputChannels };
    const stream = packStream(node, layer, requantize, { clamped: body.clamped, repeats: false, paired: true });
    return {
      family: 'mve',
      template: 'mve/depthwise-many-taps',
      stem: linearStem('depthwise_conv2d', t, node, 'many_taps_mve'),
      view,
      arguments: depthwiseArguments(node, layer, stream),
      scratchBytes: 0,
      scalars: [],
      overlap: slidingOverlap(g, t.x, t.y, { block: g.outputChannels % VECTOR === 0 ? VECTOR : g.outputChannels % VECTOR }),
      support: [{ template: 'mve/depthwise-taps', view: {} }, { template: 'mve/depthwise-taps-block', view: body }],
    };
  },
};

export const mveDepthwiseConv2d: readonly Kernel[] = [...mveDepthwiseWindows, manyTaps];
