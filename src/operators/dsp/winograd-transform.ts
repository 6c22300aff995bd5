/** Winograd F(2x2, 3x3) of weights, and the proof that no sum leaves 32 bits. */
import type { Codes } from '../../graph/integer.js';
import type { Geometry } from '../linear/geometry.js';

/** Products for the 2x2 outputs of a tile: 4 x 4 points, row by row. */
export const POINTS = 16;

/** The point where a constant added to every input appears, and the bias. */
const BIAS_POINT = 5;

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
 * A bound on every sum from which codes are computed, for any input: of M, of what is halved, and of what follows. Partial
 * sums of M may wrap, being sums modulo 2^32; these must not. `range` holds the codes of the input and of its padding.
 */
export function transformedReach(transformed: Int16Array, bias: Float64Array, { inputChannels, outputChannels }: Pick<Geometry, 'inputChannels' | 'outputChannels'>, range: readonly [number, number]): number {
  let reach = 0;
  for (let o = 0; o < outputChannels; o++) {
    const sums = Array.from({ length: POINTS }, (_, point) => {
      let weights = 0;
      for (let c = 0; c < inputChannels; c++) weights += Math.abs(transformed[(o * POINTS + point) * inputChannels + c]!);
      return weights * largestValue(point, range) + (point === BIAS_POINT ? Math.abs(bias[o]!) : 0);
    });
    reach = Math.max(reach, outputReach(sums));
  }
  return reach;
}

/** The middle point adds four codes; every other takes two from two. */
function largestValue(point: number, [low, high]: readonly [number, number]): number {
  return point === BIAS_POINT ? 4 * Math.max(-low, high) : 2 * (high - low);
}

function outputReach(sums: readonly number[]): number {
  const middles = [0, 1, 2, 3].map((j) => sums[4 + j]! + sums[8 + j]!);
  const columns = middles.map((middle, j) => Math.max(sums[j]!, sums[12 + j]!) + middle / 2);
  const outputs = Math.max(columns[0]!, columns[3]!) + (columns[1]! + columns[2]!) / 2;
  return Math.max(...sums, ...middles, ...columns, columns[1]! + columns[2]!, outputs);
}
