/** softmax along the last axis as arm_softmax_s8. */
import { elementCount } from '../../graph/float.js';
import { axisAttribute, integerAttribute } from '../attributes.js';
import { inPlaceInputs } from '../binary.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { activationArguments } from '../linear/kernels.js';
import { callInstance, FAMILY, isByte, nodeOf, sources } from './library.js';

/** Of more classes the sum may need a shift by 32 places, which C leaves open. */
const MOST_CLASSES = 511;

export const cmsisSoftmax: Kernel = {
  family: FAMILY,
  when(context) {
    const node = nodeOf(context);
    if (node.attributes['variant'] !== 'tflite' || node.attributes['rounding'] !== 'double') return false;
    const { inputs, output } = nodeTensors(node, context.graph, 1);
    const { length } = output.shape;
    return isByte(inputs[0]!) && isByte(output) && length > 0 && axisAttribute(node, 'axis', length) === length - 1 && output.shape[length - 1]! <= MOST_CLASSES;
  },
  instantiate(context) {
    const node = nodeOf(context);
    const { inputs, output } = nodeTensors(node, context.graph, 1);
    const classes = output.shape.at(-1)!;
    return callInstance({
      template: 'softmax',
      stem: 'softmax_s8',
      view: { rows: elementCount(output.shape) / classes, classes, multiplier: integerAttribute(node, 'multiplier'), shift: integerAttribute(node, 'shift'), diffMin: integerAttribute(node, 'diffMin') },
      arguments: activationArguments([inputs[0]!.id], output.id),
      inPlace: inPlaceInputs(node, context.graph),
      sources: sources('Softmax', 'arm_softmax_s8', 'arm_nn_softmax_common_s8'),
    });
  },
};
