/** Division by a constant as one product of 16 bits, for VMULH.U16 and a shift. */

export interface Division {
  readonly multiplier: number;
  readonly addend: number;
  readonly shift: number;
}

/**
 * floor((u + floor(count / 2)) / count) = ((u + addend)·multiplier >> 16) >> shift for every 0 ≤ u ≤ most: the magnitude of a
 * mean, half away from zero. With multiplier = ceil(2^(16+shift) / count), which exceeds the exact one by error / count, that
 * holds where (u + addend)·error < 2^(16+shift). Null where 16 bits do not suffice.
 */
export function divisionBy(count: number, most: number): Division | null {
  // (u + 1)·65535 >> 16 is u.
  if (count === 1) return most < 2 ** 16 - 1 ? { multiplier: 65535, addend: 1, shift: 0 } : null;
  const addend = Math.floor(count / 2);
  for (let shift = 8; shift >= 0; shift--) {
    const multiplier = Math.ceil(2 ** (16 + shift) / count);
    const error = multiplier * count - 2 ** (16 + shift);
    if (multiplier < 2 ** 16 && most + addend < 2 ** 16 && (most + addend) * error < 2 ** (16 + shift)) return { multiplier, addend, shift };
  }
  return null;
}
