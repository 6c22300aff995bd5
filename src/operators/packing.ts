/** Codes of few bits, several to a byte or word: what `--weights packed` stores. */
import type { Codes } from '../graph/integer.js';

/** Bits of a packed weight; codes of 3 bits lie in 4. */
export type PackedBits = 2 | 4;

/** The narrowest packed form that holds every code as a two's complement number; null where none does. */
export function packedBitsOf(codes: Codes): PackedBits | null {
  const fits = (bits: PackedBits) => codes.every((code: number) => code >= -(2 ** (bits - 1)) && code < 2 ** (bits - 1));
  return ([2, 4] as const).find(fits) ?? null;
}

/** The low `bits` of each value side by side in a word of 32 bits, the first value lowest. At most 32 / bits values. */
export function packWord(values: readonly number[], bits: number): number {
  return values.reduce((word, value, i) => word | ((value & (2 ** bits - 1)) << (bits * i)), 0);
}

/**
 * Pairs of codes as two lanes of 16 bits a word: shifted left by `bits · i`, the word has pair i in the top bits of its lanes.
 * 16 / bits pairs.
 */
export function packLanes(pairs: readonly (readonly [number, number])[], bits: number): number {
  const lane = (side: 0 | 1) => packWord(pairs.map((pair) => pair[side]).reverse(), bits);
  return (lane(0) & 0xffff) | (lane(1) << 16);
}

/** Codes in their order as bytes, the first code in the lowest bits of its byte; the last byte ends with zeros. */
export function packBytes(codes: ArrayLike<number>, bits: PackedBits): Uint8Array {
  const perByte = 8 / bits;
  return Uint8Array.from({ length: Math.ceil(codes.length / perByte) }, (_, byte) => {
    const first = byte * perByte;
    return packWord(Array.from({ length: Math.min(perByte, codes.length - first) }, (_, i) => codes[first + i]!), bits);
  });
}
