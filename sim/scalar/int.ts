/**
 * Vocabulary of the scalar subset. These functions are run as they are by the simulator and translated to C and CUDA by
 * src/emit/scalars.ts. Every operation that can overflow names its width: i32(a + b) wraps to 32 bits, i64(a * b) to 64.
 */

/** Integer of 32 bits, two's complement; a JavaScript number. */
export type i32 = number;
/** Integer of 64 bits; a bigint, so that the type checker refuses mixed widths. */
export type i64 = bigint;
export type bool = boolean;

/** Wraps a sum or difference of i32 values (also a left shift) to 32 bits. Products: mul32. */
export function i32(value: number): i32 {
  return value | 0;
}

/** Wraps to 64 bits. */
export function i64(value: bigint): i64 {
  return BigInt.asIntN(64, value);
}

/** Low 32 bits of the product. */
export function mul32(a: i32, b: i32): i32 {
  return Math.imul(a, b);
}

/** i32 → i64, exact. */
export function widen(value: i32): i64 {
  return BigInt(value);
}

/** Low 32 bits of an i64. */
export function narrow(value: i64): i32 {
  return Number(BigInt.asIntN(32, value));
}

/** Leading zero bits of x, 32 for 0. */
export function clz32(x: i32): i32 {
  return Math.clz32(x);
}
