/**
 * The range whose quantization error is smallest in the mean of |x̂ − x|^2.4, by grid search (LAPQ's exponent, as the
 * code of BRECQ, QDrop and PD-Quant has it).
 */
import { binCentre, type Histogram, type Observed, type Range } from './histogram.js';

const EXPONENT = 2.4;
const CANDIDATES = 100;
/** Up to this width every zero point is tried; above it, the one that keeps the proportion of min and max. */
const MOST_BITS_FOR_ALL_ZERO_POINTS = 4;

export function mseRange(observed: Observed, bits: number): Range {
  const full = { low: Math.min(0, observed.min), high: Math.max(0, observed.max) };
  let best: Range = full;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidateRanges(full, bits)) {
    const error = quantizationError(observed.histogram, candidate, bits, least);
    if (error < least) [best, least] = [candidate, error];
  }
  return best;
}

function* candidateRanges({ low, high }: Range, bits: number): Generator<Range> {
  const steps = 2 ** bits - 1;
  for (let i = CANDIDATES; i >= 1; i--) {
    const fraction = i / CANDIDATES;
    if (low === 0 || high === 0 || bits > MOST_BITS_FOR_ALL_ZERO_POINTS) {
      yield { low: low * fraction, high: high * fraction };
      continue;
    }
    const width = (high - low) * fraction;
    for (let zeroPoint = 0; zeroPoint <= steps; zeroPoint++) {
      const from = (-zeroPoint * width) / steps;
      yield { low: from, high: from + width };
    }
  }
}

/** Σ count·|x̂ − x|^2.4 over the bins' centres; stops early once it exceeds `limit`. */
export function quantizationError(histogram: Histogram, { low, high }: Range, bits: number, limit = Number.POSITIVE_INFINITY): number {
  const steps = 2 ** bits - 1;
  const scale = (high - low) / steps || 1;
  const zeroPoint = Math.round(-low / scale);
  let error = 0;
  for (let bin = 0; bin < histogram.counts.length && error < limit; bin++) {
    const count = histogram.counts[bin]!;
    if (count === 0) continue;
    const value = binCentre(histogram, bin);
    const code = Math.min(steps, Math.max(0, Math.round(value / scale) + zeroPoint));
    error += count * Math.abs((code - zeroPoint) * scale - value) ** EXPONENT;
  }
  return error;
}
