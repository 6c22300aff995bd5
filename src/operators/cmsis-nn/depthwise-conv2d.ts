/** depthwise-conv2d as arm_depthwise_conv_wrapper_s8. */
import type { Kernel } from '../kernel.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { CONVOLUTION_SOURCES } from './conv2d.js';
import { convolutionView, fitsLibrary, isDepthwiseRight, readConvolution } from './convolution.js';
import { callInstance, constant, doubleRounding, FAMILY, nodeOf, perChannelArguments, sources } from './library.js';
import { depthwiseScratch } from './scratch.js';

const SOURCES: readonly string[] = [
  ...sources('Convolution', 'arm_depthwise_conv_wrapper_s8', 'arm_depthwise_conv_s8', 'arm_depthwise_conv_s8_opt', 'arm_depthwise_conv_3x3_s8', 'arm_depthwise_conv_get_buffer_sizes_s8'),
  ...sources('NNSupport', 'arm_nn_depthwise_conv_nt_t_s8', 'arm_q7_to_q15_with_offset'),
];
/** On Helium the wrapper may turn to the plain convolution. */
const HELIUM_SOURCES: readonly string[] = [...SOURCES, ...CONVOLUTION_SOURCES, ...sources('Transpose', 'arm_transpose_s8')];

export const cmsisDepthwiseConv2d: Kernel = {
  family: FAMILY,
  when(context) {
    const read = readConvolution(nodeOf(context), context.graph);
    return fitsLibrary(nodeOf(context), read) && isDepthwiseRight(read.g, context.features);
  },
  instantiate(context) {
    const node = nodeOf(context);
    const read = readConvolution(node, context.graph);
    const { t, g } = read;
    const rounding = doubleRounding(node)!;
    return callInstance({
      template: 'depthwise-conv2d',
      stem: linearStem('depthwise_conv2d', t, node),
      view: { ...convolutionView(node, read, rounding), multiplier: g.outputChannels / g.inputChannels },
      arguments: [...activationArguments([t.x.id], t.y.id), constant('weights', t.weightCodes), constant('bias', t.biasCodes), ...perChannelArguments(rounding, g.outputChannels)],
      scratchBytes: depthwiseScratch(g, context.features),
      sources: context.features.mve ? HELIUM_SOURCES : SOURCES,
    });
  },
};
