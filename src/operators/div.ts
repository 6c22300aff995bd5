/** Element-wise quotient, with NumPy broadcasting. On integers only by constants: a change of scale, or a product with reciprocals. */
import { elementCount, type FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { roundHalfAway } from '../graph/lanes.js';
import { defineOperator } from './definition.js';
import { broadcastShapes, commonType, evaluateBinary, expectInputs } from './float-tensors.js';
import { activationAttribute } from './attributes.js';
import type { LowerContext } from './lower.js';
import { lowerUniformFactor } from './uniform-factor.js';

/** Reciprocals of the divisors as symmetric 8-bit codes of one scale. */
function lowerReciprocals(node: FloatNode, context: LowerContext, divisors: ArrayLike<number>): void {
  const { name, shape } = context.float(node.inputs[1]!);
  const reciprocals = Array.from(divisors, (d) => 1 / d);
  if (!reciprocals.every(Number.isFinite)) return context.unsupported(node, 'a divisor is zero');
  const scale = reciprocals.reduce((m, r) => Math.max(m, Math.abs(r)), 0) / 127;
  const codes = Int8Array.from(reciprocals, (r) => roundHalfAway(r / scale));
  const constant = context.constant(`${name}:reciprocal`, shape, 8, true, codes, { kind: 'affine', scale: [scale], zeroPoint: [0], axis: null });
  const x = context.activation(node.inputs[0]!);
  context.emit({
    op: 'mul',
    inputs: [context.integer(node.inputs[0]!).id, constant],
    outputs: [context.output(node.outputs[0]!).id],
    attributes: { variant: 'dyadic', inputZeroPoints: [x.zeroPoint, 0] },
    requantize: context.requantize([x.scale * scale], context.activation(node.outputs[0]!), activationAttribute(node) ?? undefined),
    from: node,
  });
}

export const div = defineOperator({
  name: 'div',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 2);
      return [broadcastShapes(node, inputs[0]!.shape, inputs[1]!.shape)];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate: (node, context) => evaluateBinary(node, context, tf.div),
    lower(node, context) {
      const { data } = context.float(node.inputs[1]!);
      if (!data || elementCount(context.float(node.inputs[1]!).shape) === 0) return context.unsupported(node, 'a quotient of two activations', 'a constant divisor');
      if (!lowerUniformFactor(node, context)) lowerReciprocals(node, context, data);
    },
  },
});
