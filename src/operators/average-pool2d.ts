/** Mean over windows, of the real pixels alone or (countIncludePad) of the padded window. */
import { tf } from '../tensor/index.js';
import { activationAttribute, booleanAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { applyActivation, expectInputs, sampled } from './float-tensors.js';
import { poolShape, poolWindow, validTaps } from './pool-window.js';

export const averagePool2d = defineOperator({
  name: 'average-pool2d',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      booleanAttribute(node, 'countIncludePad');
      return [poolShape(node, inputs[0]!.shape)];
    },
    evaluate(node, context) {
      const window = poolWindow(node);
      const { kernel, strides, pad } = window;
      const x = sampled(context, 0) as tf.Tensor4D;
      const isPadded = pad.some((p) => p > 0);
      const padded = isPadded ? tf.pad(x, [[0, 0], [pad[0], pad[1]], [pad[2], pad[3]], [0, 0]]) : x;
      const pooled = kernel[0] * kernel[1] === 1
        ? tf.stridedSlice(padded, [0, 0, 0, 0], padded.shape, [1, ...strides, 1])
        : tf.avgPool(padded as tf.Tensor4D, [...kernel], [...strides], 'valid');
      const shape = context.inputs[0]!.shape;
      const [height, width] = context.outputShapes[0]!;
      const exclusive = isPadded && !booleanAttribute(node, 'countIncludePad');
      if (!exclusive) return [applyActivation(pooled, activationAttribute(node))];
      const rows = validTaps(window, 0, shape[0]!, height!).map((n) => kernel[0] / n);
      const columns = validTaps(window, 1, shape[1]!, width!).map((n) => kernel[1] / n);
      const corrected = tf.mul(tf.mul(pooled, tf.tensor4d(rows, [1, height!, 1, 1])), tf.tensor4d(columns, [1, 1, width!, 1]));
      return [applyActivation(corrected, activationAttribute(node))];
    },
  },
});
