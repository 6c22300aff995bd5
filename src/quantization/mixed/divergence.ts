/** How far predictions lie from those of the float network. */

/**
 * `prediction`: Kullback-Leibler divergence from the float network's softmax, in nats, mean over the samples; `error`: squared
 * error over the squared float values, for networks that do not classify. Both are 0 for the float network and grow with the
 * square of small changes.
 */
export type DivergenceKind = 'prediction' | 'error';

/** `size`: values of one sample. */
export function divergence(kind: DivergenceKind, wanted: Float32Array, actual: Float32Array, size: number): number {
  return kind === 'prediction' ? predictionDivergence(wanted, actual, size) : relativeError(wanted, actual);
}

function predictionDivergence(wanted: Float32Array, actual: Float32Array, classes: number): number {
  const samples = wanted.length / classes;
  let sum = 0;
  for (let sample = 0; sample < samples; sample++) {
    const p = logSoftmax(wanted, sample * classes, classes);
    const q = logSoftmax(actual, sample * classes, classes);
    for (let i = 0; i < classes; i++) sum += Math.exp(p[i]!) * (p[i]! - q[i]!);
  }
  return sum / samples;
}

function logSoftmax(values: Float32Array, from: number, count: number): Float64Array {
  const row = Float64Array.from(values.subarray(from, from + count));
  const most = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value - most), 0));
  return row.map((value) => value - most - total);
}

function relativeError(wanted: Float32Array, actual: Float32Array): number {
  let error = 0;
  let energy = 0;
  for (let i = 0; i < wanted.length; i++) {
    error += (actual[i]! - wanted[i]!) ** 2;
    energy += wanted[i]! ** 2;
  }
  return energy > 0 ? error / energy : error;
}
