/**
 * The form of fixed-shift.ts where all channels have one scale, because it is the lanes of the input that are scaled and not
 * the weights: SMMLA, then one saturation with its shift built in. Multipliers lose bits where channels differ in size; every
 * channel is compared with its definition code by code before it is accepted.
 */
import type { IntegerNode, Requantize } from '../../graph/integer.js';
import { type FixedChannel, fitNear, type Line, lineOf, thresholds } from './fixed-shift.js';

export interface UniformRequantize {
  /** Lanes and biases are multiplied by 2^scale. */
  readonly scale: number;
  /** The immediate of the saturation. */
  readonly shift: number;
  readonly channels: readonly FixedChannel[];
}

/** Few different shifts, so that layers share code. */
const SHIFTS = [11, 9, 7];
/** Bytes times 2^7 still fit lanes of 16 bits. */
const MOST_SCALE = 7;

/** Null where a channel has no such form. */
export function uniformRequantize(node: IntegerNode, channels: number): UniformRequantize | null {
  const { requantize, bounds } = node;
  if (!requantize || !bounds || bounds.accumulatorBits !== 32) return null;
  const ranges = Array.from({ length: channels }, (_, channel) => bounds.accumulator[bounds.accumulator.length === 1 ? 0 : channel]!);
  const lines = ranges.map((range, channel) => lineOf(requantize, channel, range));
  if (lines.some((line) => !line || line.multiplier < 0n)) return null;
  const exponents = (lines as Line[]).filter((line) => line.multiplier > 0n).map((line) => line.exponent);
  const reach = Math.max(1, ...ranges.flat().map(Math.abs));
  for (const shift of SHIFTS) {
    const scale = shift + 32 - Math.min(...exponents);
    if (scale < 1 || scale > MOST_SCALE || reach * 2 ** scale >= 2 ** 31) continue;
    const found: FixedChannel[] = [];
    for (const [channel, line] of (lines as Line[]).entries()) {
      const fitted = fitChannel(line, requantize, ranges[channel]!, scale, shift);
      if (!fitted) break;
      found.push(fitted);
    }
    if (found.length === channels) return { scale, shift, channels: found };
  }
  return null;
}

function fitChannel(line: Line, requantize: Requantize, range: readonly [number, number], scale: number, shift: number): FixedChannel | null {
  if (line.multiplier === 0n) return { scale, nudge: 0, multiplier: 0, addend: requantize.zeroPoint * 2 ** shift + 2 ** (shift - 1) };
  return fitNear(line, requantize, { range, scale, shift }, thresholds(line, requantize, range));
}
