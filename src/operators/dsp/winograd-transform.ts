/** Winograd F(2x2, 3x3) of weights, and the proof that no sum leaves 32 bits. */
import type { Codes } from '../../graph/integer.js';
import type { Geometry } from '../linear/geometry.js';

/** Products for the 2x2 outputs of a tile: 4 x 4 points, row by row. */
export const POINTS = 16;

/** The point where a constant added to every input appears, and the bias. */
export const biasPoint = 5;

const G = [[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]] as const;

/** U = G g Gt times `scale`, weights [O, 3, 3, C] to [O, 16, C]. */
export function transformWeights(codes: Codes, outputs: number, inputs: number, scale: number): Int16Array {
  const out = new Int16Array(outputs * POINTS * inputs);
  for (let o = 0; o < outputs; o++) {
    for (let point = 0; point < POINTS; point++) {
      const [rows, columns] = [G[point >> 2]!, G[point & 3]!];
      for (let c = 0; c < inputs; c++) {
        let sum = 0;
        for (let tap = 0; tap < 9; tap++) sum += rows[Math.floor(tap / 3)]! * columns[tap % 3]! * codes[(o * 9 + tap) * inputs + c]!;
        out[(o * POINTS + point) * inputs + c] = scale * sum;
      }
    }
  }
  return out;
}

/**
 * Every sum that a halving sees, and every one that follows, fits into 32 bits for any input: partial sums may wrap, being
 * sums modulo 2^32, but what is shifted must be whole.
 */
export function staysInInt32(transformed: Int16Array, bias: Float64Array, { inputChannels, outputChannels }: Geometry, [low, high]: readonly [number, number], pad: number): boolean {
  const [least, most] = [Math.min(low, pad), Math.max(high, pad)];
  const limit = 2 ** 31 - 1;
  for (let o = 0; o < outputChannels; o++) {
    const reach = Array.from({ length: POINTS }, (_, point) => {
      // (1,1) sums four inputs; everywhere else two are taken from two
      const value = point === biasPoint ? 4 * Math.max(-least, most) : 2 * (most - least);
      let weights = 0;
      for (let c = 0; c < inputChannels; c++) weights += Math.abs(transformed[(o * POINTS + point) * inputChannels + c]!);
      return weights * value + (point === biasPoint ? Math.abs(bias[o]!) : 0);
    });
    const columns = [0, 1, 2, 3].map((j) => ({ middle: reach[4 + j]! + reach[8 + j]!, outer: Math.max(reach[j]!, reach[12 + j]!) }));
    const rows = columns.map(({ middle, outer }) => outer + middle / 2);
    const sums = [...columns.map(({ middle }) => middle), ...rows, rows[1]! + rows[2]!, Math.max(rows[0]!, rows[3]!) + (rows[1]! + rows[2]!) / 2];
    if (sums.some((sum) => sum > limit) || reach.some((sum) => sum > limit)) return false;
  }
  return true;
}
