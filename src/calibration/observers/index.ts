/** From what was seen of a tensor to the range that its codes will cover. */
import type { Observed, Range } from './histogram.js';
import { klRange } from './kl.js';
import { mseRange } from './mse.js';
import { defaultPercentile, percentileRange } from './percentile.js';

export type ObserverName = 'min-max' | 'percentile' | 'mse' | 'kl';
export const OBSERVERS: readonly ObserverName[] = ['min-max', 'percentile', 'mse', 'kl'];

export interface ObserverOptions {
  readonly observer: ObserverName;
  /** Width of the activation codes. */
  readonly bits: number;
  /** In percent; by default 99.99 at 8 bits and more, 99.9 below. */
  readonly percentile?: number;
}

/** The range always holds 0, so that zero padding has an exact code. */
export function observedRange(observed: Observed, { observer, bits, percentile }: ObserverOptions): Range {
  switch (observer) {
    case 'min-max':
      return { low: Math.min(0, observed.min), high: Math.max(0, observed.max) };
    case 'percentile':
      return percentileRange(observed, percentile ?? defaultPercentile(bits));
    case 'mse':
      return mseRange(observed, bits);
    case 'kl':
      return klRange(observed, bits);
  }
}
