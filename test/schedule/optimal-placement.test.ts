import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { lowerBound } from '../../src/schedule/lower-bound.js';
import { placeOptimally } from '../../src/schedule/optimal-placement.js';
import { type Buffer, forbiddenBy, overlapInTime, place, type Problem, type Sharing, Sharings } from '../../src/schedule/placement.js';

const test = suite('schedule/optimal-placement');

/** Few small buffers, so that every placement can be tried. */
const tiny = fc
  .array(fc.record({ bytes: fc.integer({ min: 1, max: 3 }), first: fc.integer({ min: 0, max: 4 }), length: fc.integer({ min: 0, max: 2 }), distance: fc.option(fc.integer({ min: -2, max: 3 }), { nil: null }) }), { minLength: 2, maxLength: 5 })
  .map((list): Problem => {
    const buffers = list.map(({ bytes, first, length }, i): Buffer => ({ id: `b${i}`, bytes: bytes * 4, first, last: first + length }));
    const sharings: Sharing[] = [];
    buffers.forEach((output, i) => {
      const input = buffers.find((b) => b !== output && b.last === output.first && b.first < output.first && b.bytes >= output.bytes);
      const { distance } = list[i]!;
      if (input && !sharings.some((s) => s.input === input.id)) sharings.push({ output: output.id, input: input.id, distance: distance === null ? null : distance * 4 });
    });
    return { buffers, sharings, alignment: 4 };
  });

/** Every combination of offsets below `limit`. */
function leastBytes({ buffers, sharings }: Problem, limit: number): number {
  const known = new Sharings(sharings);
  const offsets: number[] = [];
  let least = limit;
  const visit = (i: number, bytes: number): void => {
    if (bytes >= least) return;
    if (i === buffers.length) {
      least = bytes;
      return;
    }
    for (let offset = 0; offset + buffers[i]!.bytes < least; offset += 4) {
      const fits = offsets.every((other, k) => {
        if (!overlapInTime(buffers[i]!, buffers[k]!)) return true;
        const { low, high, allowed } = forbiddenBy(buffers[i]!, buffers[k]!, other, known.of(buffers[i]!, buffers[k]!));
        return offset <= low || offset >= high || offset === allowed;
      });
      if (!fits) continue;
      offsets[i] = offset;
      offsets.length = i + 1;
      visit(i + 1, Math.max(bytes, offset + buffers[i]!.bytes));
      offsets.length = i;
    }
  };
  visit(0, 0);
  return least;
}

test('the solver finds the least arena that trying everything finds', async () => {
  const problems = fc.sample(tiny, { seed: 5, numRuns: 40 });
  for (const problem of problems) {
    const bound = lowerBound(problem);
    const known = place(problem, 0);
    const { placement, proven } = await placeOptimally(problem, known, bound);
    assert.ok(proven);
    assert.ok(placement.bytes >= bound);
    assert.is(placement.bytes, leastBytes(problem, known.bytes + 4));
  }
});

test('a gap that no order of first fits closes', async () => {
  const buffers: Buffer[] = [
    { id: 'a', bytes: 8, first: 0, last: 1 },
    { id: 'b', bytes: 12, first: 1, last: 2 },
    { id: 'c', bytes: 8, first: 2, last: 3 },
    { id: 'd', bytes: 12, first: 0, last: 0 },
    { id: 'e', bytes: 12, first: 3, last: 3 },
  ];
  const problem = { buffers, sharings: [], alignment: 4 };
  const bad = { offsets: new Map(buffers.map((b, i) => [b.id, i * 12])), bytes: 60, heuristic: 'one after the other' };
  const { placement, proven } = await placeOptimally(problem, bad, lowerBound(problem));
  assert.ok(proven);
  assert.is(placement.bytes, 20);
  assert.is(placement.heuristic, 'integer program');
});

test.run();
