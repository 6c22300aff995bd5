/** conv2d without multiplication in straight-line code: the weights are its instructions. */
import type { KernelContext, KernelInstance } from '../../kernel.js';
import { borderView } from '../../linear/convolution.js';
import { slidingOverlap } from '../../overlap.js';
import { cType, typeName } from '../../views.js';
import { convolutionLayer, lanesOf, windowArguments } from '../layer.js';
import type { StraightInstances } from './choose.js';
import { coreOf } from './core.js';
import { FRAME_BYTES, modelledCore, straightInstructions } from './predict.js';
import { straightForms, type StraightSums } from './sums.js';
import { straightSupport } from './support.js';

function straightConvolution({ graph, group, features }: KernelContext, sums: StraightSums): KernelInstance {
  const node = group[0]!;
  const layer = convolutionLayer(node, graph);
  const { t, g } = layer;
  const { padded, classes } = borderView(g, node);
  const [clampMin, clampMax] = node.requantize!.clamp;
  const columns = g.kernelHeight * g.kernelWidth * g.inputChannels;
  const modelled = modelledCore(features);
  return {
    family: 'shift',
    template: 'shift/conv2d-straight',
    stem: `conv2d_${typeName(t.x.type)}_shift_${sums.pairs > 0 ? 'shared' : 'unrolled'}`,
    view: {
      inputType: cType(t.x.type),
      outputType: cType(t.y.type),
      lanes: lanesOf(1),
      words: 1,
      windows: 2,
      padded,
      classes,
      columns,
      pairs: sums.pairs,
      channels: g.outputChannels,
      blocks: sums.program.blocks,
      segments: sums.exponents.map((exponent, i) => ({ offset: i * g.outputChannels, shift: exponent > 0 ? ` << ${exponent}` : '' })),
      clampMin,
      clampMax,
    },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'places', data: Uint8Array.from(layer.requantize!.places) },
      ...windowArguments(node, layer, 2),
    ],
    scratchBytes: 4 * (columns + sums.program.words),
    ...(modelled && { instructions: straightInstructions(g, padded, sums, modelled) }),
    codeBytes: sums.program.bytes + FRAME_BYTES,
    scalars: ['clamp'],
    support: [straightSupport(coreOf(features))],
    overlap: slidingOverlap(g, t.x, t.y, { pixels: 2 }),
  };
}

/** The layer in both forms. */
export function straightConvolutions(context: KernelContext): StraightInstances {
  const { weights, g, room } = convolutionLayer(context.group[0]!, context.graph);
  const { unrolled, shared } = straightForms(weights, g.outputChannels, room, coreOf(context.features));
  return { unrolled: straightConvolution(context, unrolled), shared: shared && straightConvolution(context, shared) };
}
