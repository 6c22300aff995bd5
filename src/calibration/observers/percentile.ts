/** Cuts the same fraction of the mass off each tail that is there (HAWQ's percentile observer). */
import { quantile, type Observed, type Range } from './histogram.js';

/** `percentile` in percent, for instance 99.99. */
export function percentileRange(observed: Observed, percentile: number): Range {
  const tail = 1 - percentile / 100;
  const high = observed.max > 0 ? Math.min(observed.max, quantile(observed.histogram, 1 - tail)) : 0;
  const low = observed.min < 0 ? Math.max(observed.min, quantile(observed.histogram, tail)) : 0;
  return { low: Math.min(0, low), high: Math.max(0, high) };
}

/** The tail may be wider where codes are few: the right percentile depends on the width. */
export function defaultPercentile(bits: number): number {
  return bits >= 8 ? 99.99 : 99.9;
}
