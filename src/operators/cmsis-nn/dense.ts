/** dense as arm_fully_connected_s8, or its per-channel form. */
import { elementCount } from '../../graph/float.js';
import type { Kernel } from '../kernel.js';
import { inputZeroPointOf, linearTensors } from '../linear/integer.js';
import { activationArguments, foldedBias, linearStem, rowSums } from '../linear/kernels.js';
import { callInstance, constant, doubleRounding, FAMILY, isByte, nodeOf, perChannelArguments, sources } from './library.js';

const SIZES = sources('FullyConnected', 'arm_fully_connected_get_buffer_sizes_s8');
const PER_TENSOR: readonly string[] = [...sources('FullyConnected', 'arm_fully_connected_s8'), ...SIZES, ...sources('NNSupport', 'arm_nn_vec_mat_mult_t_s8')];
const PER_CHANNEL: readonly string[] = [...sources('FullyConnected', 'arm_fully_connected_per_channel_s8'), ...SIZES, ...sources('NNSupport', 'arm_nn_vec_mat_mult_t_per_ch_s8')];

export const cmsisDense: Kernel = {
  family: FAMILY,
  when(context) {
    const t = linearTensors(nodeOf(context), context.graph);
    return isByte(t.x) && isByte(t.y) && t.weightCodes instanceof Int8Array && doubleRounding(nodeOf(context)) !== null;
  },
  instantiate(context) {
    const node = nodeOf(context);
    const t = linearTensors(node, context.graph);
    const [channels, depth] = t.weights.shape as readonly [number, number];
    const rounding = doubleRounding(node)!;
    const perChannel = Math.max(rounding.multipliers.length, rounding.shifts.length) > 1;
    const { mve } = context.features;
    return callInstance({
      template: 'dense',
      stem: linearStem('dense', t, node),
      view: {
        perChannel,
        mve,
        multiplier: rounding.multipliers[0]!,
        shift: rounding.shifts[0]!,
        inputOffset: -inputZeroPointOf(node),
        outputOffset: rounding.zeroPoint,
        low: rounding.low,
        high: rounding.high,
        rows: elementCount(t.x.shape) / depth,
        depth,
        channels,
      },
      arguments: [
        ...activationArguments([t.x.id], t.y.id),
        constant('weights', t.weightCodes),
        // Helium's function takes the bias and the sum of the weights in one, which others leave to a buffer
        mve ? constant('sums', foldedBias(node, t, rowSums(t.weightCodes, channels))) : constant('bias', t.biasCodes),
        ...(perChannel ? perChannelArguments(rounding, channels) : []),
      ],
      sources: perChannel ? PER_CHANNEL : PER_TENSOR,
    });
  },
};
