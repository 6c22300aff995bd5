/**
 * Fake quantization of an activation with a learned step (LSQ, Esser et al., 2020), dropped element by element (QDrop).
 * One loop over plain arrays each way: a chain of tensor operations would take ten passes.
 */
import { tf } from '../../tensor/index.js';

/** Codes from `least` to `most`, zero point taken off: value = step·code. */
export interface CodeInterval {
  readonly least: number;
  readonly most: number;
}

/** `keep`: one byte an element, 0 where the real value stays; null quantizes all. Rounds half up, as the integers do. */
export function quantizeActivation(value: tf.Tensor, step: tf.Scalar, { least, most }: CodeInterval, keep: Uint8Array | null): tf.Tensor {
  const operation = tf.customGrad((...inputs: unknown[]) => {
    const [x, s] = inputs as [tf.Tensor, tf.Scalar];
    const real = x.dataSync() as Float32Array;
    const size = s.dataSync()[0]!;
    const quantized = new Float32Array(real.length);
    for (let i = 0; i < real.length; i++) {
      if (keep && !keep[i]) quantized[i] = real[i]!;
      else {
        const code = Math.floor(real[i]! / size + 0.5);
        quantized[i] = size * (code < least ? least : code > most ? most : code);
      }
    }
    return {
      value: tf.tensor(quantized, x.shape),
      gradFunc: (upstream: tf.Tensor) => {
        const { input, step: ofStep } = stepGradients(real, size, { least, most }, keep, upstream.dataSync() as Float32Array);
        return [tf.tensor(input, x.shape), tf.scalar(ofStep)];
      },
    };
  });
  return operation(value, step);
}

/** ∂x = G inside, 0 outside; ∂step = Σ G·(R(u) − u) inside, G·code outside; dropped elements pass G on. */
export function stepGradients(real: Float32Array, size: number, { least, most }: CodeInterval, keep: Uint8Array | null, upstream: Float32Array): { readonly input: Float32Array; readonly step: number } {
  const input = new Float32Array(real.length);
  let step = 0;
  for (let i = 0; i < real.length; i++) {
    const g = upstream[i]!;
    if (keep && !keep[i]) {
      input[i] = g;
      continue;
    }
    const position = real[i]! / size;
    const code = Math.floor(position + 0.5);
    if (code < least) step += g * least;
    else if (code > most) step += g * most;
    else {
      input[i] = g;
      step += g * (code - position);
    }
  }
  return { input, step };
}
