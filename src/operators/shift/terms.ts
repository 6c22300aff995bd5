/** Constant factors in generated code as sums of shifted operands. */
import { signedDigits } from './digits.js';

/** `variable`·factor modulo 2^32 as an unsigned C expression of additions and shifts; the variable is an uint32_t. */
export function shiftedSum(variable: string, factor: number): string {
  const terms = signedDigits(factor).map(({ sign, exponent }) => ({ sign, text: exponent === 0 ? variable : `(${variable} << ${exponent})` }));
  // Reads the variable, so that no compiler calls it unused.
  if (terms.length === 0) return `${variable} - ${variable}`;
  // A positive term first, so that no sign stands alone; digits of a negative factor may all be negative.
  const ordered = [...terms].sort((a, b) => b.sign - a.sign);
  const [first, ...rest] = ordered;
  const start = first!.sign > 0 ? first!.text : `0u - ${first!.text}`;
  return rest.reduce((sum, { sign, text }) => `${sum} ${sign > 0 ? '+' : '-'} ${text}`, start);
}
