/**
 * Real weights → sums of signed powers of two, zero-free, one scale a channel. The scale is the output's over the input's
 * times a power of two, so that a shift is all the requantization there is; powers of two of weights hardly mind (less
 * than 0.1 dB on Gaussian weights). Of the scales in reach the one with the least squared error counts, each weight at the
 * nearest value of the grid: boundaries are arithmetic means, not geometric ones.
 */
import type { WeightPlan } from '../../operators/lower.js';
import { nearestIndex, type ShiftEncoding, shiftGrid, shiftWeightBits } from '../../operators/shift/weights.js';
import { channelIndexer, valuesByChannel } from '../scales.js';

/** Largest shift of a requantization: what is left of 32 bits holds the weighted sum above it. */
const MOST_PLACES = 20;

export interface ShiftWeightOptions {
  readonly terms: number;
  /** Bits of a term: 2, 3 or 4. */
  readonly termBits: number;
  /** Scale of the output over that of the input. */
  readonly ratio: number;
  /** Largest magnitude of a bias of each channel, or one for all, in quanta of the output. */
  readonly biases: ArrayLike<number>;
}

/** Quanta of a bias code at most: with the weights' sum it must fit 32 bits. */
const LARGEST_BIAS_CODE = 2 ** 29;

export function shiftWeightPlan(values: Float32Array, shape: readonly number[], axis: number | null, options: ShiftWeightOptions): WeightPlan {
  const encoding: ShiftEncoding = { kind: 'shift', terms: options.terms, exponentBits: options.termBits - 1, perChannelShift: null };
  const grid = shiftGrid(encoding);
  const channels = valuesByChannel(values, shape, axis);
  const scale = channels.map((channel, c) => options.ratio * 2 ** -placesOf(channel, grid, options, c));
  const { channelOf } = channelIndexer(shape, axis);
  const codes = Int16Array.from(values, (value, i) => grid[nearestIndex(grid, value / scale[channelOf(i)]!)]!);
  return { bits: shiftWeightBits(encoding), scale, axis, codes, encoding };
}

/** Places n of the channel's scale ratio·2^−n. */
function placesOf(values: Float64Array, grid: Int32Array, { ratio, biases }: ShiftWeightOptions, channel: number): number {
  const bias = biases[biases.length === 1 ? 0 : channel] ?? 0;
  const most = Math.max(0, Math.min(MOST_PLACES, Math.floor(Math.log2(LARGEST_BIAS_CODE / Math.max(1, bias)))));
  const largest = values.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  if (largest === 0) return most;
  const covering = Math.round(Math.log2((grid[grid.length - 1]! * ratio) / largest));
  const clamped = (places: number) => Math.max(0, Math.min(most, places));
  let [best, leastError] = [clamped(covering), Number.POSITIVE_INFINITY];
  for (let places = clamped(covering - 2); places <= clamped(covering + 2); places++) {
    const error = squaredError(values, grid, ratio * 2 ** -places);
    if (error < leastError) [best, leastError] = [places, error];
  }
  return best;
}

function squaredError(values: Float64Array, grid: Int32Array, scale: number): number {
  return values.reduce((sum, value) => sum + (grid[nearestIndex(grid, value / scale)]! * scale - value) ** 2, 0);
}
