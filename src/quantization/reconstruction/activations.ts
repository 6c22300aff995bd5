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
export function quantizeActivation(value: tf.Tensor, step: tf.Scalar, interval: CodeInterval, keep: Uint8Array | null): tf.Tensor {
  const operation = tf.customGrad((...inputs: unknown[]) => {
    const [x, s] = inputs as [tf.Tensor, tf.Scalar];
    const real = x.dataSync() as Float32Array;
    const size = s.dataSync()[0]!;
    return {
      value: tf.tensor(quantized(real, size, interval, keep), x.shape),
      gradFunc: (upstream: tf.Tensor) => {
        const { input, step: ofStep } = stepGradients(real, size, interval, keep, upstream.dataSync() as Float32Array);
        return [tf.tensor(input, x.shape), tf.scalar(ofStep)];
      },
    };
  });
  return operation(value, step);
}

/** Masks are random, so these loops choose by products: a branch would be mispredicted at every second element. */
function quantized(real: Float32Array, size: number, { least, most }: CodeInterval, keep: Uint8Array | null): Float32Array {
  const values = new Float32Array(real.length);
  for (let i = 0; i < real.length; i++) {
    const x = real[i]!;
    const code = Math.max(least, Math.min(most, Math.floor(x / size + 0.5)));
    values[i] = keep ? x + keep[i]! * (size * code - x) : size * code;
  }
  return values;
}

/** ∂x = G inside, 0 outside; ∂step = Σ G·(R(u) − u) inside, G·code outside; dropped elements pass G on. */
export function stepGradients(real: Float32Array, size: number, { least, most }: CodeInterval, keep: Uint8Array | null, upstream: Float32Array): { readonly input: Float32Array; readonly step: number } {
  const input = new Float32Array(real.length);
  let step = 0;
  for (let i = 0; i < real.length; i++) {
    const position = real[i]! / size;
    const code = Math.floor(position + 0.5);
    const clamped = Math.max(least, Math.min(most, code));
    const inside = Number(clamped === code);
    const kept = keep ? keep[i]! : 1;
    const g = upstream[i]!;
    input[i] = g * (1 - kept * (1 - inside));
    step += g * kept * (clamped - inside * position);
  }
  return { input, step };
}
