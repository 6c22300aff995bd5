/**
 * Requantization as one SMMLA and one saturation with an immediate shift, the same for every channel:
 *
 *     t = ((scaled·multiplier) >> 32) + addend        SMMLA
 *     code = saturate(t >> SHIFT)                     SSAT/USAT with its shift built in
 *
 * where `scaled` = accumulator·2^scale + a little. Every mode whose result is one rounding of a line in the accumulator,
 * floor((acc·m + c) / 2^d) + zero point, takes this form: weights of 8 bits in lanes of 16 leave room for scale ≤ 8, so the
 * freedom to scale a channel's weights and bias brings the shifts of all channels to one number, with every bit of the
 * multiplier. TFLite's double rounding is such a line wherever its rounding away from zero cannot be told from rounding up:
 * `round(round(acc·m / 2^31) / 2^s) ≥ k` is `acc·m + 2^30 + 2^(30+s) ≥ k·2^(31+s)`.
 *
 * Channels that need bits of the multiplier dropped are compared with the line code by code before they are accepted.
 */
import type { IntegerNode, Requantize } from '../../graph/integer.js';

export interface FixedChannel {
  /** Weights and bias are multiplied by 2^scale. */
  readonly scale: number;
  /** Added to the scaled bias. */
  readonly nudge: number;
  readonly multiplier: number;
  readonly addend: number;
}

export interface FixedRequantize {
  /** The immediate of every channel. */
  readonly shift: number;
  readonly channels: readonly FixedChannel[];
}

/** floor((acc·multiplier + constant) / 2^exponent) + zero point. */
export interface Line {
  readonly multiplier: bigint;
  readonly constant: bigint;
  readonly exponent: number;
}

interface Accumulator {
  readonly range: readonly [number, number];
  /** Largest scale that weights and accumulator have room for. */
  readonly mostScale: number;
}

/** Shifts to try: the more, the more of the multiplier's bits survive where it is small. */
const SHIFTS = [12, 9, 6];
/** Added to the scaled bias at most. */
const MOST_NUDGE = 4096n;

/** Null where a channel has no such form. `largestWeight` is the largest magnitude among a channel's weights. */
export function fixRequantize(node: IntegerNode, largestWeights: readonly number[]): FixedRequantize | null {
  const { requantize, bounds } = node;
  if (!requantize || !bounds || bounds.accumulatorBits !== 32) return null;
  const accumulators = largestWeights.map((weight, channel) => {
    const range = bounds.accumulator[bounds.accumulator.length === 1 ? 0 : channel]!;
    const room = (limit: number, magnitude: number) => Math.floor(Math.log2(limit / Math.max(magnitude, 1)));
    return { range, mostScale: Math.min(8, room(32767, weight), room(2 ** 30, Math.max(-range[0], range[1]))) };
  });
  for (const shift of SHIFTS) {
    const channels: FixedChannel[] = [];
    for (const [channel, accumulator] of accumulators.entries()) {
      const fixed = fixChannel(requantize, channel, accumulator, shift);
      if (!fixed) break;
      channels.push(fixed);
    }
    if (channels.length === accumulators.length) return { shift, channels };
  }
  return null;
}

function fixChannel(requantize: Requantize, channel: number, accumulator: Accumulator, shift: number): FixedChannel | null {
  const line = lineOf(requantize, channel, accumulator.range);
  if (!line) return null;
  return fitEitherSign(line, accumulator.range, (rising, range) => {
    const mirrored = { ...accumulator, range };
    return exactChannel(rising, requantize, mirrored, shift) ?? nearChannel(rising, requantize, mirrored, shift);
  });
}

/**
 * A falling line (weights with flipped codes) is a rising one over the mirrored range:
 * (acc·2^scale − nudge)·(−multiplier) is the product of the mirrored accumulator, bit for bit.
 */
export function fitEitherSign(line: Line, range: readonly [number, number], fit: (rising: Line, range: readonly [number, number]) => FixedChannel | null): FixedChannel | null {
  if (line.multiplier >= 0n) return fit(line, range);
  const fitted = fit({ ...line, multiplier: -line.multiplier }, [0 - range[1], 0 - range[0]]);
  return fitted && { ...fitted, nudge: 0 - fitted.nudge, multiplier: 0 - fitted.multiplier };
}

/** Null where the mode is no single line over the accumulator's range. */
export function lineOf(requantize: Requantize, channel: number, [low]: readonly [number, number]): Line | null {
  const entry = (list: readonly number[]) => list[list.length === 1 ? 0 : channel]!;
  const halfUp = (multiplier: number, exponent: number): Line | null =>
    exponent < 1 ? null : { multiplier: BigInt(multiplier), constant: 1n << BigInt(exponent - 1), exponent };
  switch (requantize.mode) {
    case 'tfliteDouble': {
      const places = -entry(requantize.shift);
      if (places < 0 || (places > 0 && low < 0 && requantize.clamp[0] !== requantize.zeroPoint)) return null;
      const constant = (1n << 30n) + (places > 0 ? 1n << BigInt(30 + places) : 0n);
      return { multiplier: BigInt(entry(requantize.multiplier)), constant, exponent: 31 + places };
    }
    case 'tfliteSingle':
      return halfUp(entry(requantize.multiplier), 31 - entry(requantize.shift));
    case 'dyadic':
      return halfUp(entry(requantize.multiplier), entry(requantize.shift));
    case 'dyadicHigh':
      return halfUp(entry(requantize.multiplier), 32);
    case 'shift':
      return requantize.rounding === 'halfUp' ? halfUp(1, entry(requantize.shift)) : null;
    default:
      return null;
  }
}

/** scale + log2 of what the multiplier grows by = shift + 32 − exponent; the constant must come out whole. */
function exactChannel(line: Line, { zeroPoint }: Requantize, { range, mostScale }: Accumulator, shift: number): FixedChannel | null {
  const growth = shift + 32 - line.exponent;
  const scale = Math.min(growth, mostScale);
  if (scale < 0) return null;
  const multiplier = line.multiplier << BigInt(growth - scale);
  const constant = line.constant << BigInt(growth);
  if (multiplier > 0x7fffffffn || constant % (1n << 32n) !== 0n) return null;
  const channel = { scale, nudge: 0, multiplier: Number(multiplier), addend: Number(constant >> 32n) + zeroPoint * 2 ** shift };
  return holds(channel, range) ? channel : null;
}

/** Fewer bits of the multiplier: accepted where no code of the range comes out differently. */
function nearChannel(line: Line, requantize: Requantize, { range, mostScale }: Accumulator, shift: number): FixedChannel | null {
  const wanted = thresholds(line, requantize, range);
  for (let scale = 0; scale <= Math.min(4, mostScale); scale++) {
    const fitted = fitNear(line, requantize, { range, scale, shift }, wanted);
    if (fitted) return fitted;
  }
  return null;
}

export interface Scaled {
  readonly range: readonly [number, number];
  readonly scale: number;
  readonly shift: number;
}

/** The multiplier at a scale and its neighbours: the first that leaves room for an addend and a nudge with which every code comes out. */
export function fitNear(line: Line, requantize: Requantize, at: Scaled, wanted: readonly number[]): FixedChannel | null {
  const dropped = at.scale - (at.shift + 32 - line.exponent);
  if (dropped < 0 || dropped > 31) return null;
  const multiplier = Number((line.multiplier + (dropped > 0 ? 1n << BigInt(dropped - 1) : 0n)) >> BigInt(dropped));
  for (const m of [multiplier, multiplier + 1, multiplier - 1]) {
    const channel = m > 0 && m <= 0x7fffffff ? fitOffset(m, requantize, at, wanted) : null;
    if (channel && holds(channel, at.range)) return channel;
  }
  return null;
}

/**
 * nudge·multiplier + addend·2^32 is the offset of the line: every threshold bounds it from below (it is reached) and from above
 * (its predecessor does not reach it).
 */
function fitOffset(multiplier: number, { clamp }: Requantize, { range, scale, shift }: Scaled, wanted: readonly number[]): FixedChannel | null {
  const unit = BigInt(multiplier) << BigInt(scale);
  let [least, most] = [-(1n << 62n), 1n << 62n];
  for (const [i, code] of codesAbove(clamp).entries()) {
    const level = BigInt(code) << BigInt(shift + 32);
    const first = wanted[i]!;
    if (first <= range[1]) least = larger(least, level - BigInt(first) * unit);
    if (first > range[0]) most = smaller(most, level - BigInt(first - 1) * unit - 1n);
    if (least > most) return null;
  }
  if (least === -(1n << 62n)) least = most;
  const addend = least >> 32n;
  // the smallest nudge that reaches the lower bound, from this addend or the next
  const nudge = ceilDivide(least - (addend << 32n), BigInt(multiplier));
  if (nudge <= MOST_NUDGE && (addend << 32n) + nudge * BigInt(multiplier) <= most) return { scale, nudge: Number(nudge), multiplier, addend: Number(addend) };
  return (addend + 1n) << 32n <= most ? { scale, nudge: 0, multiplier, addend: Number(addend) + 1 } : null;
}

function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** For every code above the lowest: the smallest accumulator of the range that reaches it (one beyond the range where none does). */
export function thresholds({ multiplier, constant, exponent }: Line, { clamp, zeroPoint }: Requantize, range: readonly [number, number]): readonly number[] {
  return codesAbove(clamp).map((code) => {
    const needed = (BigInt(code - zeroPoint) << BigInt(exponent)) - constant;
    if (multiplier === 0n) return needed <= 0n ? range[0] : range[1] + 1;
    return within(ceilDivide(needed, multiplier), range);
  });
}

function codesAbove([low, high]: readonly [number, number]): readonly number[] {
  return Array.from({ length: high - low }, (_, i) => low + 1 + i);
}

function within(value: bigint, [low, high]: readonly [number, number]): number {
  return value <= BigInt(low) ? low : value > BigInt(high) ? high + 1 : Number(value);
}

/** Rounds up; the divisor is positive. */
function ceilDivide(a: bigint, b: bigint): bigint {
  return a >= 0n ? (a + b - 1n) / b : -(-a / b);
}

/** Nothing wraps: the scaled accumulator, and the high word plus the addend. */
export function holds({ scale, nudge, multiplier, addend }: FixedChannel, [low, high]: readonly [number, number]): boolean {
  const scaled = Math.max(-low, high) * 2 ** scale + nudge;
  return scaled < 2 ** 31 && (scaled * multiplier) / 2 ** 32 + Math.abs(addend) + 1 < 2 ** 31;
}
