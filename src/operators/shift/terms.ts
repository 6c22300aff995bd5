/** Constant factors in generated code as sums of shifted operands. */
import { signedDigits } from './digits.js';

/**
 * C statements that add `variable`·factor modulo 2^32 to `sum`, both of them uint32_t, by additions and shifts. Compilers
 * fold two shifted summands into one multiplication where they think that cheaper: PTQ_APART hides each sum from the next.
 */
export function shiftedStatements(variable: string, factor: number): readonly string[] {
  const statements = signedDigits(factor).map(({ sign, exponent }) => `sum ${sign > 0 ? '+' : '-'}= ${exponent === 0 ? variable : `${variable} << ${exponent}`}; PTQ_APART(sum);`);
  // No compiler shall call the variable unused.
  return statements.length === 0 ? [`(void)${variable};`] : statements;
}
