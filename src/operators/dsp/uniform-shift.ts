/**
 * The form of fixed-shift.ts where all channels have one scale, because it is the lanes of the input that are scaled and not
 * the weights: SMMLA, then one saturation with its shift built in. Multipliers lose bits where channels differ in size; every
 * channel is compared with its definition code by code before it is accepted.
 */
import type { IntegerNode, Requantize } from '../../graph/integer.js';
import { type FixedChannel, fitEitherSign, fitNear, type Line, lineOf, thresholds } from './fixed-shift.js';

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

/** Of the shift where the scale is given: few, beginning with the one that leaves multipliers as they are. */
const SHIFTS_BELOW_SCALE = [0, 3, 6];

/** Null where a channel has no such form. */
export function uniformRequantize(node: IntegerNode, channels: number): UniformRequantize | null {
  const lines = linesOf(node, channels);
  if (!lines) return null;
  const exponents = lines.filter(({ line }) => line.multiplier !== 0n).map(({ line }) => line.exponent);
  for (const shift of SHIFTS) {
    const scale = shift + 32 - Math.min(...exponents);
    const found = scale >= 1 && scale <= MOST_SCALE ? fitChannels(node.requantize!, lines, scale, shift) : null;
    if (found) return found;
  }
  return null;
}

/** The same where sums are 2^scale times the accumulator whatever the channels want. */
export function lineAtScale(node: IntegerNode, channels: number, scale: number): UniformRequantize | null {
  const lines = linesOf(node, channels);
  if (!lines) return null;
  for (const below of SHIFTS_BELOW_SCALE) {
    const found = scale > below ? fitChannels(node.requantize!, lines, scale, scale - below) : null;
    if (found) return found;
  }
  return null;
}

interface ChannelLine {
  readonly line: Line;
  readonly range: readonly [number, number];
}

/** Null where the requantization of a channel is no line. */
function linesOf({ requantize, bounds }: IntegerNode, channels: number): readonly ChannelLine[] | null {
  if (!requantize || !bounds || bounds.accumulatorBits !== 32) return null;
  const lines = Array.from({ length: channels }, (_, channel) => {
    const range = bounds.accumulator[bounds.accumulator.length === 1 ? 0 : channel]!;
    const line = lineOf(requantize, channel, range);
    return line ? { line, range } : null;
  });
  return lines.every((line) => line !== null) ? lines : null;
}

/** Null where a channel does not fit, or a sum would leave 32 bits. */
function fitChannels(requantize: Requantize, lines: readonly ChannelLine[], scale: number, shift: number): UniformRequantize | null {
  const reach = Math.max(1, ...lines.flatMap(({ range }) => range).map(Math.abs));
  if (reach * 2 ** scale >= 2 ** 31) return null;
  const channels: FixedChannel[] = [];
  for (const { line, range } of lines) {
    const fitted = fitChannel(line, requantize, range, scale, shift);
    if (!fitted) return null;
    channels.push(fitted);
  }
  return { scale, shift, channels };
}

function fitChannel(line: Line, requantize: Requantize, range: readonly [number, number], scale: number, shift: number): FixedChannel | null {
  if (line.multiplier === 0n) return { scale, nudge: 0, multiplier: 0, addend: requantize.zeroPoint * 2 ** shift + 2 ** (shift - 1) };
  return fitEitherSign(line, range, (rising, own) => fitNear(rising, requantize, { range: own, scale, shift }, thresholds(rising, requantize, own)));
}
