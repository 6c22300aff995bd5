/** Requantization of a node from real scales, in the mode of the arithmetic profile. */
import type { Requantize, RequantizeMode } from '../graph/integer.js';
import type { ActivationPlan, Arithmetic } from '../operators/lower.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';
import { dyadicMode, tfliteMode } from './multiplier.js';
import { shiftMode } from './shift/requantize.js';

/** Real scales of the accumulators (one a channel, or one for all) → output codes, clamped to a fused real range. */
export function planRequantize(arith: Arithmetic, accumulatorScales: readonly number[], output: ActivationPlan, activation?: { readonly min: number; readonly max: number }): Requantize {
  const ratios = accumulatorScales.map((scale) => scale / output.scale);
  const same = ratios.every((ratio) => ratio === ratios[0]);
  const mode = requantizeMode(arith, same ? ratios.slice(0, 1) : ratios, output.bits);
  return { ...mode, zeroPoint: output.zeroPoint, clamp: activationCodes(output, activation) };
}

function requantizeMode(arith: Arithmetic, ratios: readonly number[], outputBits: number): RequantizeMode {
  switch (arith) {
    case 'tflite':
      return tfliteMode(ratios, 'double');
    case 'tflite-single':
      return tfliteMode(ratios, 'single');
    case 'dyadic':
      return dyadicMode(ratios, outputBits);
    case 'shift':
      return shiftMode(ratios);
  }
}

/** Codes between which a fused real range clamps: TFLite's CalculateActivationRangeQuantized, which divides in float32. */
export function activationCodes(output: ActivationPlan, activation?: { readonly min: number; readonly max: number }): readonly [number, number] {
  const [least, most] = typeRange(output);
  const code = (value: number) => Math.min(most, Math.max(least, output.zeroPoint + roundHalfAway(Math.fround(Math.fround(value) / Math.fround(output.scale)))));
  if (!activation) return [least, most];
  return [activation.min === -Infinity ? least : code(activation.min), activation.max === Infinity ? most : code(activation.max)];
}
