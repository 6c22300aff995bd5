/** e^(beta·x) over its sum along one axis. */
import { tf } from '../tensor/index.js';
import { axisAttribute, numberAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { expectInputs, sampled } from './float-tensors.js';

export const softmax = defineOperator({
  name: 'softmax',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      axisAttribute(node, 'axis', inputs[0]!.shape.length);
      return [inputs[0]!.shape];
    },
    evaluate(node, context) {
      const x = sampled(context, 0);
      const axis = axisAttribute(node, 'axis', x.rank - 1) + 1;
      const beta = numberAttribute(node, 'beta');
      const scaled = beta === 1 ? x : tf.mul(x, beta);
      if (axis === x.rank - 1) return [tf.softmax(scaled)];
      // TensorFlow.js normalizes the last axis only
      const swapped = Array.from({ length: x.rank }, (_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis : i));
      return [tf.transpose(tf.softmax(tf.transpose(scaled, swapped)), swapped)];
    },
    scaleRule: () => ({ kind: 'fixed', scale: 1 / 256, zeroPoint: -128 }),
  },
});
