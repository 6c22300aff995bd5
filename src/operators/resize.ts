/** Resizes an image [H, W, C] by nearest neighbour or linear interpolation, with ONNX's coordinate rules. */
import { tf } from '../tensor/index.js';
import { integersAttribute, shapeError, stringAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { expectInputs, expectRank, sampled, take, takeAll } from './float-tensors.js';
import { coordinateModes, linearTaps, nearestIndices, nearestModes, type LinearTap } from './resize-coordinates.js';

const modes = ['nearest', 'linear'] as const;

function blend(x: tf.Tensor, taps: readonly LinearTap[], axis: 1 | 2): tf.Tensor {
  const shape = axis === 1 ? [1, taps.length, 1, 1] : [1, 1, taps.length, 1];
  const fraction = tf.tensor(taps.map((t) => t.fraction), shape);
  const low = take(x, taps.map((t) => t.low), axis);
  const high = take(x, taps.map((t) => t.high), axis);
  return tf.add(tf.mul(low, tf.sub(1, fraction)), tf.mul(high, fraction));
}

export const resize = defineOperator({
  name: 'resize',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      expectRank(node, inputs[0]!, 3, '[height, width, channels]');
      stringAttribute(node, 'mode', modes);
      stringAttribute(node, 'coordinates', coordinateModes);
      stringAttribute(node, 'nearestMode', nearestModes);
      const sizes = integersAttribute(node, 'sizes', 2);
      if (sizes.some((s) => s < 1)) throw shapeError(node, `sizes [${sizes.join(', ')}] must be positive`);
      return [[...sizes, inputs[0]!.shape[2]!]];
    },
    evaluate(node, context) {
      const x = sampled(context, 0);
      const sizes = integersAttribute(node, 'sizes', 2);
      const coordinates = stringAttribute(node, 'coordinates', coordinateModes);
      if (stringAttribute(node, 'mode', modes) === 'nearest') {
        const nearest = stringAttribute(node, 'nearestMode', nearestModes);
        return [takeAll(x, sizes.map((size, axis) => nearestIndices(x.shape[axis + 1]!, size, coordinates, nearest)))];
      }
      const rows = blend(x, linearTaps(x.shape[1]!, sizes[0]!, coordinates), 1);
      return [blend(rows, linearTaps(x.shape[2]!, sizes[1]!, coordinates), 2)];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
  },
});
