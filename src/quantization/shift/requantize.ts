/** Ratios of scales without multiplication: one shift where they are powers of two, else few signed digits. */
import type { RequantizeMode } from '../../graph/integer.js';
import { roundHalfAway } from '../../graph/lanes.js';
import { leadingDigits, type SignedDigit } from '../../operators/shift/digits.js';
import { frexp } from '../multiplier.js';

/** Bits of a constant before its digits are counted. */
const CONSTANT_BITS = 16;
/** Scales are float32, so that a ratio that is meant to be a power of two misses it by less. */
const POWER_TOLERANCE = 2 ** -20;

export function shiftMode(ratios: readonly number[]): RequantizeMode {
  const places = ratios.map(powerOf);
  if (places.every((n) => n !== null)) return { mode: 'shift', shift: places as number[], rounding: 'halfUp' };
  const constants = ratios.map(csdConstant);
  return { mode: 'csd', digits: constants.map((c) => c.digits), shift: constants.map((c) => c.shift) };
}

/** n where ratio = 2^−n for a whole n ≥ 0; null otherwise. */
function powerOf(ratio: number): number | null {
  const places = Math.round(-Math.log2(ratio));
  return places >= 0 && places <= 31 && Math.abs(ratio * 2 ** places - 1) < POWER_TOLERANCE ? places : null;
}

/** Σ ±2^digit / 2^shift ≈ ratio, shift ≥ 1. */
function csdConstant(ratio: number): { readonly digits: readonly SignedDigit[]; readonly shift: number } {
  const { exponent } = frexp(ratio);
  const shift = Math.max(1, Math.min(62, CONSTANT_BITS - exponent));
  return { digits: leadingDigits(roundHalfAway(ratio * 2 ** shift)), shift };
}
