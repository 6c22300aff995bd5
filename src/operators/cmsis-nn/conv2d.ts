/** conv2d as arm_convolve_wrapper_s8. */
import type { Kernel } from '../kernel.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { convolutionView, fitsLibrary, isConvolvedRight, readConvolution } from './convolution.js';
import { callInstance, constant, doubleRounding, FAMILY, nodeOf, perChannelArguments, sources } from './library.js';
import { convolutionScratch } from './scratch.js';

export const CONVOLUTION_SOURCES: readonly string[] = [
  ...sources('Convolution', 'arm_convolve_wrapper_s8', 'arm_convolve_s8', 'arm_convolve_1x1_s8', 'arm_convolve_1x1_s8_fast', 'arm_convolve_1_x_n_s8', 'arm_convolve_get_buffer_sizes_s8'),
  ...sources('Convolution', 'arm_nn_mat_mult_kernel_s8_s16', 'arm_nn_mat_mult_kernel_row_offset_s8_s16'),
  ...sources('NNSupport', 'arm_nn_mat_mult_nt_t_s8', 'arm_q7_to_q15_with_offset', 'arm_s8_to_s16_unordered_with_offset'),
];

export const cmsisConv2d: Kernel = {
  family: FAMILY,
  when(context) {
    const read = readConvolution(nodeOf(context), context.graph);
    return fitsLibrary(nodeOf(context), read) && isConvolvedRight(read.g, read.groups, context.features);
  },
  instantiate(context) {
    const node = nodeOf(context);
    const read = readConvolution(node, context.graph);
    const { t, g, groups } = read;
    const rounding = doubleRounding(node)!;
    return callInstance({
      template: 'conv2d',
      stem: linearStem('conv2d', t, node),
      view: { ...convolutionView(node, read, rounding), depth: g.inputChannels / groups },
      arguments: [...activationArguments([t.x.id], t.y.id), constant('weights', t.weightCodes), constant('bias', t.biasCodes), ...perChannelArguments(rounding, g.outputChannels)],
      scratchBytes: convolutionScratch(g, groups, context.features),
      sources: CONVOLUTION_SOURCES,
    });
  },
};
