/** What no placement can undercut. */
import type { Buffer, Problem, Sharing } from './placement.js';

/**
 * Most bytes that are alive at one step, less what sharing can save there. Inputs of a step are disjoint, so that an
 * output at distance d before an input overlaps it in at most min(input, output, output − d) bytes.
 */
export function lowerBound({ buffers, sharings }: Problem): number {
  let largest = 0;
  for (const step of new Set(buffers.map((b) => b.first))) {
    const alive = new Map(buffers.filter((b) => b.first <= step && step <= b.last).map((b) => [b.id, b]));
    const saved = new Map<string, number>();
    for (const sharing of sharings) {
      const [output, input] = [alive.get(sharing.output), alive.get(sharing.input)];
      if (output && input) saved.set(output.id, Math.min(output.bytes, (saved.get(output.id) ?? 0) + mostShared(output, input, sharing)));
    }
    const total = [...alive.values()].reduce((sum, b) => sum + b.bytes, 0) - [...saved.values()].reduce((sum, bytes) => sum + bytes, 0);
    largest = Math.max(largest, total);
  }
  return largest;
}

function mostShared(output: Buffer, input: Buffer, { distance }: Sharing): number {
  return Math.max(0, Math.min(input.bytes, output.bytes, output.bytes - (distance ?? 0)));
}
