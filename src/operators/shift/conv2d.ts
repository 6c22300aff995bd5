/** conv2d without multiplication: windows of several outputs side by side, and lists of taps that are added or subtracted. */
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import type { Geometry } from '../linear/geometry.js';
import { slidingOverlap } from '../overlap.js';
import { cType, typeName } from '../views.js';
import { convolutionLayer, lanesOf, windowArguments } from './layer.js';
import { chooseForm } from './straight/choose.js';
import { straightConvolutions } from './straight/conv2d.js';
import { listInstructions, modelledCore } from './straight/predict.js';
import { streamCounts, weightStream } from './stream.js';

/** Words a tap: two outputs each. Fewer where there are few outputs, memory counts, or registers of 8 bits hold none of them. */
function wordsPerTap(g: Geometry, { optimize, features }: Pick<KernelContext, 'optimize' | 'features'>): number {
  const pixels = g.outputHeight * g.outputWidth;
  return optimize === 'ram' || features.separateFlash || pixels <= 2 ? 1 : pixels <= 4 ? 2 : 4;
}

export function listConvolution({ graph, group, optimize, features }: KernelContext): KernelInstance {
  const node = group[0]!;
  const layer = convolutionLayer(node, graph);
  const { t, g, weights, room } = layer;
  const { padded, classes } = borderView(g, node);
  const words = wordsPerTap(g, { optimize, features });
  const [clampMin, clampMax] = node.requantize!.clamp;
  const core = modelledCore(features);
  return {
    family: 'shift',
    template: 'shift/conv2d',
    stem: `conv2d_${typeName(t.x.type)}_shift`,
    view: {
      inputType: cType(t.x.type),
      outputType: cType(t.y.type),
      lanes: lanesOf(words),
      words,
      wordShift: Math.log2(words),
      windows: 2 * words,
      padded,
      classes,
      clampMin,
      clampMax,
    },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weightStream(weights, layer.requantize!.places, room) },
      ...windowArguments(node, layer, 2 * words),
    ],
    scratchBytes: 4 * words * g.kernelHeight * g.kernelWidth * g.inputChannels,
    ...(core && { instructions: listInstructions(g, { padded, words }, streamCounts(weights, g.outputChannels, room), core) }),
    scalars: ['clamp'],
    overlap: slidingOverlap(g, t.x, t.y, { pixels: 2 * words }),
  };
}

export const shiftConv2d: Kernel = {
  family: 'shift',
  when({ graph, group }) {
    const { t, requantize } = convolutionLayer(group[0]!, graph);
    return t.x.type.bits <= 8 && requantize !== null;
  },
  instantiate: (context) => chooseForm(context, listConvolution(context), () => straightConvolutions(context)),
};
