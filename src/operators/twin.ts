/**
 * Twin uniform quantization (PTQ4ViT, Yuan et al., 2022, section 3.2) with ranges aligned by a shift: codes of `bits` bits are
 * a flag and a magnitude; the magnitude counts scale·2^shift where the flag is set, scale elsewhere. A tensor holds the
 * magnitude already shifted, so that a product sums Σ(c·w) + (Σ(c'·w) << shift) in one accumulator.
 */
import { roundHalfAway } from '../graph/lanes.js';

export interface TwinRanges {
  /** Of a code: one of flag (or sign) and the rest of magnitude. */
  readonly bits: number;
  readonly shift: number;
  /** From this value on, in units of the scale, the upper range counts: 0 splits at the sign. */
  readonly split: number;
}

/** Bits of a lane that holds every shifted magnitude of either sign. */
export function twinBits({ bits, shift }: TwinRanges): number {
  return bits + shift;
}

/** Largest magnitude before it is shifted. */
export function twinMost({ bits }: TwinRanges): number {
  return 2 ** (bits - 1) - 1;
}

/** The shifted magnitude of a real value over the scale: each range rounds and saturates by itself. */
export function twinCode(value: number, twin: TwinRanges): number {
  const most = twinMost(twin);
  if (value < twin.split) return Math.max(-most, Math.min(most, roundHalfAway(value)));
  return Math.min(most, roundHalfAway(value / 2 ** twin.shift)) * 2 ** twin.shift;
}

export function sameTwin(a: TwinRanges | undefined, b: TwinRanges | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && a.bits === b.bits && a.shift === b.shift && a.split === b.split);
}
