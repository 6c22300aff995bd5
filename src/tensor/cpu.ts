/** The plain JavaScript backend, usable without waiting: for the few small values that a pass computes. */
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs `compute` on the cpu backend and goes back to the one before. The result does not depend on which backend the
 * rest of the tool has chosen, nor on whether it has chosen one yet.
 */
export function onCpu<T>(compute: () => T): T {
  const before = tf.getBackend() as string | undefined;
  if (before === 'cpu') return compute();
  tf.env().set('IS_TEST', true);
  // Synchronous for a backend that needs no loading; the promise only reports success.
  void tf.setBackend('cpu');
  try {
    return compute();
  } finally {
    if (before !== undefined) void tf.setBackend(before);
  }
}
