/** add and mul of operands of one shape, as arm_elementwise_add_s8 and arm_elementwise_mul_s8. */
import { elementCount } from '../../graph/float.js';
import { integersAttribute } from '../attributes.js';
import { binaryTensors, inPlaceInputs } from '../binary.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { activationArguments } from '../linear/kernels.js';
import { callInstance, doubleRounding, FAMILY, isByte, nodeOf, sources } from './library.js';

function fits(context: KernelContext): boolean {
  const { inputs, output } = binaryTensors(nodeOf(context), context.graph);
  const sameShape = inputs.every((t) => t.shape.join() === output.shape.join());
  return [...inputs, output].every(isByte) && sameShape && doubleRounding(nodeOf(context)) !== null;
}

function instance(context: KernelContext, op: 'add' | 'mul', view: object): KernelInstance {
  const node = nodeOf(context);
  const { output } = binaryTensors(node, context.graph);
  const { multipliers, shifts, zeroPoint, low, high } = doubleRounding(node)!;
  return callInstance({
    template: op,
    stem: `${op}_s8_s8`,
    view: { ...view, multiplier: multipliers[0]!, shift: shifts[0]!, outputOffset: zeroPoint, low, high, offsets: zeroPoints(node, 2).map((z) => -z), elements: elementCount(output.shape) },
    arguments: activationArguments(node.inputs, output.id),
    inPlace: inPlaceInputs(node, context.graph),
    sources: sources('BasicMath', `arm_elementwise_${op}_s8`),
  });
}

export const cmsisAdd: Kernel = {
  family: FAMILY,
  when: (context) => nodeOf(context).attributes['variant'] === 'tflite' && fits(context),
  instantiate: (context) => instance(context, 'add', { multipliers: integersAttribute(nodeOf(context), 'inputMultipliers', 2), shifts: integersAttribute(nodeOf(context), 'inputShifts', 2) }),
};

export const cmsisMul: Kernel = { family: FAMILY, when: fits, instantiate: (context) => instance(context, 'mul', {}) };
