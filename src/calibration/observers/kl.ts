/**
 * The threshold whose quantized distribution is nearest to the observed one in Kullback-Leibler divergence (TensorRT's
 * calibration), on a histogram of magnitudes.
 */
import { binWidth, type Observed, type Range } from './histogram.js';

const SMOOTHED = 1e-4;

export function klRange(observed: Observed, bits: number): Range {
  const signed = observed.min < 0;
  const counts = observed.magnitudes.counts.slice();
  // After a ReLU the spike of exact zeros would dominate; it costs nothing, since 0 has a code of its own.
  if (!signed) counts[0] = 0;
  const groups = signed ? 2 ** (bits - 1) : 2 ** bits;
  const bins = nearestThreshold(counts, groups);
  const threshold = (bins + 0.5) * binWidth(observed.magnitudes);
  return { low: Math.max(Math.min(0, observed.min), -threshold), high: Math.min(Math.max(0, observed.max), threshold) };
}

/** Number of bins kept: groups…counts.length. */
function nearestThreshold(counts: Float64Array, groups: number): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return counts.length;
  let best = counts.length;
  let least = Number.POSITIVE_INFINITY;
  let tail = total;
  for (let bin = 0; bin < groups - 1; bin++) tail -= counts[bin]!;
  for (let bins = groups; bins <= counts.length; bins++) {
    // `tail`: the mass from bin bins − 1 on, all of which a clipping quantizer puts there.
    const divergence = klDivergence(counts, bins, groups, tail, total);
    if (divergence < least) [best, least] = [bins, divergence];
    tail -= counts[bins - 1]!;
  }
  return best;
}

/** Σ P·ln(P/Q): P is the clipped histogram, Q its mass spread evenly over the non-empty bins of each group. */
function klDivergence(counts: Float64Array, bins: number, groups: number, lastMass: number, total: number): number {
  let kept = 0;
  for (let bin = 0; bin < bins; bin++) kept += counts[bin]!;
  let divergence = 0;
  for (let group = 0; group < groups; group++) {
    const from = Math.floor((group * bins) / groups);
    const to = Math.floor(((group + 1) * bins) / groups);
    let mass = 0;
    let filled = 0;
    for (let bin = from; bin < to; bin++) {
      mass += counts[bin]!;
      if (counts[bin]! > 0) filled++;
    }
    const q = filled > 0 ? mass / filled / kept : 0;
    for (let bin = from; bin < to; bin++) {
      const p = (bin === bins - 1 ? lastMass : counts[bin]!) / total;
      if (p > 0) divergence += p * Math.log(p / (counts[bin]! > 0 ? q : SMOOTHED));
    }
  }
  return divergence;
}
