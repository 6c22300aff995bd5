/**
 * Two products in one multiplication, for cores without SIMD: x0 + x1·2^16 times w is x0·w + x1·w·2^16. The sum t of two
 * such products still holds two sums of 16 bits where |w| + |w'| times the largest code fits 15 bits, which weights of
 * −127…127 always do. Both leave it in four instructions: Σt wraps to 32 bits, and Σ((t + 2^15) >> 16) is the upper sum
 * exactly, so that the lower one is Σt − (upper << 16).
 */
import type { IntegerNode } from '../../graph/integer.js';
import { padCodes, type LinearTensors } from '../linear/integer.js';

/** Windows that are computed together: two pairs. */
export const PAIR_WINDOWS = 4;

/** Products are summed in steps of four taps; weights of added taps are 0. */
export function pairTaps(depth: number): number {
  return 4 * Math.ceil(depth / 4);
}

/** Taps 2k and 2k + 1 of every channel: the sum of their two products fits 16 bits, whatever the codes. */
export function fitsPairs(t: LinearTensors, node: IntegerNode, channels: number, outputs: number): boolean {
  const codes = [...t.x.codeRange, ...('pad' in node.attributes ? padCodes(node, channels) : [])];
  const largest = Math.max(...codes.map(Math.abs));
  const depth = t.weightCodes.length / outputs;
  for (let row = 0; row < t.weightCodes.length; row += depth) {
    for (let k = row; k < row + depth; k += 2) {
      const next = k + 1 < row + depth ? t.weightCodes[k + 1]! : 0;
      if ((Math.abs(t.weightCodes[k]!) + Math.abs(next)) * largest > 32767) return false;
    }
  }
  return true;
}

/** Weights [O, depth] as [O/block][taps/2][block][2], so that every block of channels is read in one go. */
export function pairWeights(t: LinearTensors, outputs: number, block: number): Int8Array {
  const depth = t.weightCodes.length / outputs;
  const taps = pairTaps(depth);
  const laid = new Int8Array(outputs * taps);
  let i = 0;
  for (let first = 0; first < outputs; first += block) {
    for (let k = 0; k < taps; k += 2) {
      for (let lane = 0; lane < block; lane++) {
        for (let tap = k; tap < k + 2; tap++) laid[i++] = tap < depth ? t.weightCodes[(first + lane) * depth + tap]! : 0;
      }
    }
  }
  return laid;
}
