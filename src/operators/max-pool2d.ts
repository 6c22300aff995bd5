/** Maximum over windows; padding never wins. */
import { tf } from '../tensor/index.js';
import { activationAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { applyActivation, expectInputs, sampled } from './float-tensors.js';
import { poolShape, poolWindow } from './pool-window.js';

export const maxPool2d = defineOperator({
  name: 'max-pool2d',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      return [poolShape(node, inputs[0]!.shape)];
    },
    evaluate(node, context) {
      const { kernel, strides, pad } = poolWindow(node);
      const x = sampled(context, 0) as tf.Tensor4D;
      const padded = pad.some((p) => p > 0) ? tf.pad(x, [[0, 0], [pad[0], pad[1]], [pad[2], pad[3]], [0, 0]], -Infinity) : x;
      // XNNPACK knows no pool of one pixel
      const pooled = kernel[0] * kernel[1] === 1
        ? tf.stridedSlice(padded, [0, 0, 0, 0], padded.shape, [1, ...strides, 1])
        : tf.maxPool(padded as tf.Tensor4D, [...kernel], [...strides], 'valid');
      return [applyActivation(pooled, activationAttribute(node))];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
  },
});
