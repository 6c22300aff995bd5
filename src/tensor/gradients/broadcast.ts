import * as tf from '@tensorflow/tfjs-core';

/** Undoes broadcasting: the gradient summed over the axes along which an operand was repeated. */
export function summedTo(gradient: tf.Tensor, shape: readonly number[]): tf.Tensor {
  const before = gradient.shape.length - shape.length;
  const axes = gradient.shape.flatMap((size, axis) => {
    const own = shape[axis - before];
    return own === undefined || (own === 1 && size !== 1) ? [axis] : [];
  });
  return axes.length === 0 ? gradient : tf.reshape(tf.sum(gradient, axes), [...shape]);
}
