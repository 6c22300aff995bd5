/** What operators with exponentials by shifts say about them. */
import type { IntegerNode } from '../graph/integer.js';
import { integerAttribute } from './attributes.js';
import { checkInteger, integerGraphError } from './integer-checks.js';

/** Throws unless no shift of the exponential leaves its 32 bits. */
export function verifyShiftUnit(node: IntegerNode): void {
  const [places, unit, bits, fraction] = ['places', 'unit', 'exponentBits', 'fractionBits'].map((name) => checkInteger(node, () => integerAttribute(node, name))) as [number, number, number, number];
  const good = places >= -16 && places <= 12 && unit >= 1 && unit <= 256 && bits >= 1 && bits <= 15 && fraction >= 1 && fraction <= 15;
  if (!good) throw integerGraphError(node, `places must lie in [-16, 12], unit in [1, 256], exponentBits and fractionBits in [1, 15]`);
}

/** Constants of the exponential of a node, as templates and tables want them. */
export interface ShiftUnitView {
  readonly places: number;
  readonly unit: number;
  readonly exponentBits: number;
  /** Distances from here on have the exponential 0. */
  readonly limit: number;
  readonly fractionBits: number;
}

export function shiftUnitOf(node: IntegerNode): ShiftUnitView {
  const [places, unit, exponentBits, fractionBits] = ['places', 'unit', 'exponentBits', 'fractionBits'].map((name) => integerAttribute(node, name)) as [number, number, number, number];
  return { places, unit, exponentBits, limit: (exponentBits + 10) * unit, fractionBits };
}
