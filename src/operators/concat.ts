/** Joins tensors along an axis. */
import { tf } from '../tensor/index.js';
import { axisAttribute, shapeError } from './attributes.js';
import { defineOperator } from './definition.js';
import { batched, commonType, expectInputs } from './float-tensors.js';

export const concat = defineOperator({
  name: 'concat',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1, Infinity);
      const first = inputs[0]!.shape;
      const axis = axisAttribute(node, 'axis', first.length);
      for (const { shape } of inputs) {
        if (shape.length !== first.length || shape.some((d, i) => i !== axis && d !== first[i])) {
          throw shapeError(node, `inputs [${inputs.map((i) => `[${i.shape.join(', ')}]`).join(', ')}] may differ on axis ${axis} alone`);
        }
      }
      return [first.map((d, i) => (i === axis ? inputs.reduce((sum, { shape }) => sum + shape[axis]!, 0) : d))];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const values = context.inputs.map((_, i) => batched(context, i));
      return [tf.concat(values, axisAttribute(node, 'axis', values[0]!.rank - 1) + 1)];
    },
    scaleRule: (node) => ({ kind: 'same', inputs: node.inputs.map((_, i) => i) }),
  },
});
