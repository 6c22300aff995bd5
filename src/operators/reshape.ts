/** The same elements under another shape. On integers it is an alias: no step, no copy. */
import { elementCount } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { integersAttribute, shapeError } from './attributes.js';
import { lowerCopy } from './codes.js';
import { verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled } from './float-tensors.js';
import { integerGraphError, nodeTensors } from './integer-checks.js';

export const reshape = defineOperator({
  name: 'reshape',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      const shape = integersAttribute(node, 'shape');
      if (shape.some((d) => d < 1) || elementCount(shape) !== elementCount(inputs[0]!.shape)) {
        throw shapeError(node, `[${inputs[0]!.shape.join(', ')}] cannot become [${shape.join(', ')}] (per sample)`);
      }
      return [shape];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const x = sampled(context, 0);
      return [tf.reshape(x, [x.shape[0]!, ...integersAttribute(node, 'shape')])];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower: (node, context) => lowerCopy(node, context),
  },
  integer: {
    verify(node, graph) {
      const { inputs } = nodeTensors(node, graph, 1);
      const shape = integersAttribute(node, 'shape');
      if (elementCount(shape) !== elementCount(inputs[0]!.shape)) throw integerGraphError(node, `[${inputs[0]!.shape.join(', ')}] cannot become [${shape.join(', ')}]`);
      verifyCopy(node, graph, shape);
    },
    alias: true,
    kernels: [],
  },
});
