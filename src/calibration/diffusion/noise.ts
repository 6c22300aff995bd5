/** Normal random numbers, seeded. */
import type { SeededRandom } from '../../tensor/random.js';

/** Mean 0, variance 1 (Box and Muller). */
export function normal(random: SeededRandom): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}

export function normals(random: SeededRandom, length: number): Float32Array {
  return Float32Array.from({ length }, () => normal(random));
}

/** Drawn again while outside of [low, high]. */
export function truncatedNormal(random: SeededRandom, mean: number, deviation: number, low: number, high: number): number {
  for (;;) {
    const value = mean + deviation * normal(random);
    if (value >= low && value <= high) return value;
  }
}
