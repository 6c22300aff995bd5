/** Element-wise difference, with NumPy broadcasting of the per-sample shapes. */
import { tf } from '../tensor/index.js';
import { additionSide, lowerAddition } from './addition.js';
import { defineOperator } from './definition.js';
import { broadcastShapes, commonType, evaluateBinary, expectInputs } from './float-tensors.js';

export const sub = defineOperator({
  name: 'sub',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 2);
      return [broadcastShapes(node, inputs[0]!.shape, inputs[1]!.shape)];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate: (node, context) => evaluateBinary(node, context, tf.sub),
    lower: (node, context) => lowerAddition(node, context, -1),
  },
  integer: additionSide('sub'),
});
