/** Batch normalization at inference, (x − mean)/√(variance + ε)·gamma + beta, as one scale and one shift a channel. */
import type { ConstantArray } from './constant-array.js';

export interface BatchNormParameters {
  /** One a channel each. */
  readonly mean: ArrayLike<number>;
  readonly variance: ArrayLike<number>;
  /** Absent = 1. */
  readonly gamma?: ArrayLike<number> | undefined;
  /** Absent = 0. */
  readonly beta?: ArrayLike<number> | undefined;
  readonly epsilon: number;
}

/** The shift also says what the outputs looked like in training: mean beta, deviation |gamma|·√(variance/(variance + ε)). */
export function batchNormConstants({ mean, variance, gamma, beta, epsilon }: BatchNormParameters): { readonly scale: ConstantArray; readonly shift: ConstantArray } {
  const shape = [mean.length];
  const scale = Float32Array.from(variance, (v, c) => (gamma?.[c] ?? 1) / Math.sqrt(v + epsilon));
  const shift = Float32Array.from(scale, (s, c) => (beta?.[c] ?? 0) - mean[c]! * s);
  const moments = {
    mean: Array.from(scale, (_, c) => beta?.[c] ?? 0),
    deviation: Array.from(scale, (s, c) => Math.abs(s) * Math.sqrt(variance[c]!)),
  };
  return { scale: { shape, data: scale }, shift: { shape, data: shift, moments } };
}
