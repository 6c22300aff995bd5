/** Histograms of activations and what observers ask of them. */

export const HISTOGRAM_BINS = 2048;

/** Equal bins over [low, high]; the last one is closed. */
export interface Histogram {
  readonly low: number;
  readonly high: number;
  readonly counts: Float64Array;
}

/** What an observer sees of one tensor. */
export interface Observed {
  readonly min: number;
  readonly max: number;
  /** Over [min(0, min), max(0, max)]. */
  readonly histogram: Histogram;
  /** Of |x| over [0, max|x|]; the same as `histogram` where nothing is negative. */
  readonly magnitudes: Histogram;
}

/** A clipping range that holds 0. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

export function emptyHistogram(low: number, high: number, bins = HISTOGRAM_BINS): Histogram {
  return { low, high, counts: new Float64Array(bins) };
}

/** Values outside [low, high] count in the outermost bins. */
export function addToHistogram({ low, high, counts }: Histogram, values: ArrayLike<number>, magnitude = false): void {
  const last = counts.length - 1;
  const perUnit = high > low ? counts.length / (high - low) : 0;
  for (let i = 0; i < values.length; i++) {
    const value = magnitude ? Math.abs(values[i]!) : values[i]!;
    const bin = Math.floor((value - low) * perUnit);
    counts[bin < 0 ? 0 : bin > last ? last : bin]!++;
  }
}

export function binWidth({ low, high, counts }: Histogram): number {
  return (high - low) / counts.length;
}

export function binCentre(histogram: Histogram, bin: number): number {
  return histogram.low + (bin + 0.5) * binWidth(histogram);
}

/** The value below which `fraction` of the mass lies, linear inside its bin. */
export function quantile(histogram: Histogram, fraction: number): number {
  const { counts, low } = histogram;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const wanted = fraction * total;
  let below = 0;
  for (let bin = 0; bin < counts.length; bin++) {
    const count = counts[bin]!;
    if (below + count >= wanted && count > 0) return low + (bin + Math.max(0, (wanted - below) / count)) * binWidth(histogram);
    below += count;
  }
  return histogram.high;
}

/** What an observer needs, from what a calibration table keeps: magnitudes as the histogram's bins tell them. */
export function observedFrom({ min, max, histogram }: { readonly min: number; readonly max: number; readonly histogram: { readonly low: number; readonly high: number; readonly counts: readonly number[] } }): Observed {
  const own: Histogram = { low: histogram.low, high: histogram.high, counts: Float64Array.from(histogram.counts) };
  if (min >= 0) return { min, max, histogram: own, magnitudes: own };
  const magnitudes = emptyHistogram(0, Math.max(Math.abs(min), Math.abs(max)));
  const perUnit = magnitudes.counts.length / magnitudes.high;
  own.counts.forEach((count, bin) => {
    const at = Math.floor(Math.abs(binCentre(own, bin)) * perUnit);
    magnitudes.counts[Math.min(at, magnitudes.counts.length - 1)]! += count;
  });
  return { min, max, histogram: own, magnitudes };
}
