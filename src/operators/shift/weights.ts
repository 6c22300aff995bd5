/**
 * Shift weights: every weight is a sum of `terms` signed powers of two, ±2^e with 0 ≤ e < 2^exponentBits, none of them
 * zero (DenseShift, Li et al., 2023, section 3.1). A graph holds the sums; their scale belongs to the channel.
 */
import { IntegerGraphError } from '../../errors.js';
import type { IntegerNode, IntegerTensor, WeightEncoding } from '../../graph/integer.js';

export type ShiftEncoding = Extract<WeightEncoding, { readonly kind: 'shift' }>;
type Grid = Pick<ShiftEncoding, 'terms' | 'exponentBits'>;

/** Bits of one term: its sign and its exponent. */
export function termBits({ exponentBits }: Pick<Grid, 'exponentBits'>): number {
  return exponentBits + 1;
}

const grids = new Map<string, Int32Array>();

/** Every weight that there is, ascending. */
export function shiftGrid({ terms, exponentBits }: Grid): Int32Array {
  const key = `${terms}:${exponentBits}`;
  const known = grids.get(key);
  if (known) return known;
  const powers = Array.from({ length: 2 ** exponentBits }, (_, e) => 2 ** e).flatMap((p) => [p, -p]);
  let sums = new Set([0]);
  for (let term = 0; term < terms; term++) sums = new Set([...sums].flatMap((sum) => powers.map((power) => sum + power)));
  const grid = Int32Array.from([...sums].sort((a, b) => a - b));
  grids.set(key, grid);
  return grid;
}

/** Index of the grid's value nearest to `value`; the one of smaller magnitude in the middle between two. */
export function nearestIndex(grid: Int32Array, value: number): number {
  let low = 0;
  let high = grid.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (grid[middle]! <= value) low = middle;
    else high = middle;
  }
  const [below, above] = [value - grid[low]!, grid[high]! - value];
  if (below === above) return Math.abs(grid[low]!) <= Math.abs(grid[high]!) ? low : high;
  return below < above ? low : high;
}

/** Type that holds every value of the grid. */
export function shiftWeightBits(grid: Grid): number {
  return Math.ceil(Math.log2(grid.terms * 2 ** (2 ** grid.exponentBits - 1))) + 2;
}

/**
 * The codes of one weight, one a term: sign·2^exponentBits + exponent, the largest power first. Of the ways to write a
 * weight the one with the largest first power counts.
 */
export function shiftCodes(weight: number, { terms, exponentBits }: Grid): readonly number[] {
  const found = codesOf(weight, terms, 2 ** exponentBits);
  if (!found) throw new RangeError(`${weight} is no sum of ${terms} signed powers of two with exponents of ${exponentBits} bit(s)`);
  return found;
}

function codesOf(weight: number, terms: number, exponents: number): readonly number[] | null {
  if (terms === 0) return weight === 0 ? [] : null;
  for (let e = exponents - 1; e >= 0; e--) {
    for (const sign of weight < 0 ? [1, 0] : [0, 1]) {
      const rest = weight - (sign === 1 ? -(2 ** e) : 2 ** e);
      if (Math.abs(rest) > (terms - 1) * 2 ** (exponents - 1)) continue;
      const others = codesOf(rest, terms - 1, exponents);
      if (others) return [sign * exponents + e, ...others];
    }
  }
  return null;
}

/** A tensor that says it holds shift weights holds nothing else. */
export function verifyShiftWeights(node: IntegerNode, { constant, name }: IntegerTensor): void {
  if (constant?.encoding.kind !== 'shift') return;
  const { terms, exponentBits } = constant.encoding;
  const bad = (message: string): never => {
    throw new IntegerGraphError(`${node.op} '${node.origin.nodeName}': shift weights '${name}': ${message}`, { origin: node.origin });
  };
  if (!(Number.isInteger(terms) && terms >= 1 && terms <= 4)) bad(`${terms} terms a weight are not 1 to 4`);
  if (!(Number.isInteger(exponentBits) && exponentBits >= 1 && exponentBits <= 3)) bad(`exponents of ${exponentBits} bits are not 1 to 3`);
  const values = new Set(shiftGrid({ terms, exponentBits }));
  const odd = constant.data.find((code) => !values.has(code));
  if (odd !== undefined) bad(`${odd} is no sum of ${terms} signed power(s) of two below 2^${2 ** exponentBits}`);
}
