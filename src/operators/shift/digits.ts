/** Integers as signed powers of two: canonical signed digits, the fewest there can be (Reitwiesner, 1960). */

export interface SignedDigit {
  readonly sign: 1 | -1;
  readonly exponent: number;
}

/** Most significant first; no two neighbouring exponents. None for 0. Exact for |value| ≤ 2^52. */
export function signedDigits(value: number): readonly SignedDigit[] {
  const digits: SignedDigit[] = [];
  let rest = value;
  for (let exponent = 0; rest !== 0; exponent++) {
    const low = ((rest % 4) + 4) % 4;
    if (low % 2 === 1) {
      const sign = low === 1 ? 1 : -1;
      digits.unshift({ sign, exponent });
      rest -= sign;
    }
    rest /= 2;
  }
  return digits;
}

export function digitsValue(digits: readonly SignedDigit[]): number {
  return digits.reduce((sum, { sign, exponent }) => sum + sign * 2 ** exponent, 0);
}

/** Digits of a constant factor: a relative error of at most 2^−9, a quarter of a code at the end of an 8-bit range. */
const CONSTANT_DIGITS = 5;

/** The first `count` digits: relative error at most 2^−(2·count − 1). */
export function leadingDigits(value: number, count: number = CONSTANT_DIGITS): readonly SignedDigit[] {
  return signedDigits(value).slice(0, count);
}

/** A factor of few digits near the given one. */
export function fewDigits(value: number): number {
  return digitsValue(leadingDigits(value));
}
