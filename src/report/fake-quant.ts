/** What stands between fake quantization and the integers, in words. */
import type { Report } from './report.js';

/**
 * Fake quantization takes the integers' scales, codes, biases and ratios. With dyadic arithmetic float32 alone stands between
 * them: a value at the border of two codes may round to the other one where layers do not compute on codes. Null where predictions were not compared.
 */
export function fakeQuantDifference({ accuracy, arith }: Pick<Report, 'accuracy' | 'arith'>): string | null {
  const agreement = accuracy?.fakeQuantAgreement ?? null;
  if (accuracy === null || agreement === null) return null;
  const different = Math.round((1 - agreement) * accuracy.samples);
  if (different === 0) return 'the same predictions';
  return `${different} of ${accuracy.samples} predictions differ${arith === 'dyadic' ? ': float32 rounds values at the border of two codes to the other one' : ''}`;
}
