/**
 * Picks elements along an axis: by constant indices from an activation, or by the indices of an int32 network input from a
 * constant table (an embedding). Output shape: x up to the axis, the indices' shape, x behind the axis.
 */
import type { FloatNode } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { axisAttribute, shapeError } from './attributes.js';
import { defineOperator, type ShapedInput } from './definition.js';
import { expectInputs, sampled } from './float-tensors.js';

/** Constant indices, checked, negative ones counted from the end. */
function constantIndices(node: FloatNode, data: ArrayLike<number>, size: number): readonly number[] {
  return Array.from(data, (value) => {
    const index = value < 0 ? value + size : value;
    if (!Number.isInteger(index) || index < 0 || index >= size) throw shapeError(node, `index ${value} is outside an axis of ${size} elements`);
    return index;
  });
}

function checkInputs(node: FloatNode, inputs: readonly ShapedInput[]): void {
  expectInputs(node, inputs, 2);
  const [x, indices] = inputs as [ShapedInput, ShapedInput];
  if (indices.type !== 'int32') throw shapeError(node, 'the indices must be int32');
  if (!x.data && !indices.data) throw shapeError(node, 'one of table and indices must be constant');
}

export const gather = defineOperator({
  name: 'gather',
  float: {
    inferShapes(node, inputs) {
      checkInputs(node, inputs);
      const [x, indices] = inputs as [ShapedInput, ShapedInput];
      const axis = axisAttribute(node, 'axis', x.shape.length);
      if (indices.data) constantIndices(node, indices.data, x.shape[axis]!);
      return [[...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)]];
    },
    outputType: (_node, inputs) => inputs[0]!.type,
    evaluate(node, context) {
      const [x, indices] = context.inputs as [(typeof context.inputs)[number], (typeof context.inputs)[number]];
      const axis = axisAttribute(node, 'axis', x.shape.length);
      const [shape] = context.outputShapes as [readonly number[]];
      if (indices.constant || !x.constant) {
        const list = constantIndices(node, indices.value.dataSync(), x.shape[axis]!);
        const value = sampled(context, 0);
        return [tf.reshape(tf.gather(value, tf.tensor1d([...list], 'int32'), axis + 1), [value.shape[0]!, ...shape])];
      }
      // [before, batch·indices, after] → the batch first
      const count = indices.shape.reduce((a, b) => a * b, 1);
      const before = x.shape.slice(0, axis).reduce((a, b) => a * b, 1);
      const after = x.shape.slice(axis + 1).reduce((a, b) => a * b, 1);
      const picked = tf.gather(tf.reshape(x.value, [before, x.shape[axis]!, after]), tf.reshape(tf.cast(indices.value, 'int32'), [-1]), 1);
      const split = tf.reshape(picked, [before, context.batch, count, after]);
      return [tf.reshape(tf.transpose(split, [1, 0, 2, 3]), [context.batch, ...shape])];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
  },
});
