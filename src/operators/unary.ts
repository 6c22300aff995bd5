/** Any function of one variable. On integers it is a table with one entry a code. */
import { tf } from '../tensor/index.js';
import { numberAttribute, stringAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { expectInputs, sampled } from './float-tensors.js';
import { unaryFunctions, unaryTensor } from './unary-functions.js';

export const unary = defineOperator({
  name: 'unary',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      stringAttribute(node, 'function', unaryFunctions);
      return [inputs[0]!.shape];
    },
    evaluate(node, context) {
      const name = stringAttribute(node, 'function', unaryFunctions);
      return [unaryTensor(name, tf.cast(sampled(context, 0), 'float32'), numberAttribute(node, 'alpha'), numberAttribute(node, 'beta'))];
    },
    scaleRule(node) {
      // Ranges that the function itself fixes, as TFLite has them: they can never clip.
      switch (stringAttribute(node, 'function', unaryFunctions)) {
        case 'sigmoid': return { kind: 'fixed', scale: 1 / 256, zeroPoint: -128 };
        case 'tanh': return { kind: 'fixed', scale: 1 / 128, zeroPoint: 0 };
        default: return { kind: 'own' };
      }
    },
  },
});
