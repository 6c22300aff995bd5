/**
 * Products of bytes by triangular numbers T(s) = s(s + 1)/2: ab = T(a + b) − T(a) − T(b), all of them whole. Sums of products need one look-up a
 * product, since what hangs on one factor alone is summed once, zero points included:
 * (a − za)(b − zb) = T(a + b) − T(a + zb) − T(b + za) + T(za + zb).
 */
import type { IntegerType } from '../../graph/integer.js';

/** Place of T(0) in the table: sums of two signed bytes begin here below. */
export const TRIANGLES_CENTRE = 256;

/** T(s) for s = −256 … 254; unsigned bytes are signed ones plus 128. */
export const TRIANGLES = Uint16Array.from({ length: 511 }, (_, i) => triangle(i - TRIANGLES_CENTRE));

export function triangle(sum: number): number {
  return (sum * (sum + 1)) / 2;
}

/** What makes a code a signed byte when it is subtracted. */
export function byteBias({ signed }: IntegerType): number {
  return signed ? 0 : 128;
}
