import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { largestLiveSet } from '../../src/schedule/lifetimes.js';
import { lowerBound } from '../../src/schedule/lower-bound.js';
import { type Buffer, overlapInTime, place, Placer, type Problem, type Sharing } from '../../src/schedule/placement.js';

const test = suite('schedule/placement');

const buffers = fc
  .array(fc.record({ bytes: fc.integer({ min: 0, max: 64 }), first: fc.integer({ min: -1, max: 20 }), length: fc.integer({ min: 0, max: 8 }) }), { minLength: 1, maxLength: 24 })
  .map((list) => list.map(({ bytes, first, length }, i): Buffer => ({ id: `b${i}`, bytes: bytes * 4, first, last: first + length })));

const alone = (list: readonly Buffer[]): Problem => ({ buffers: list, sharings: [], alignment: 4 });

function assertDisjoint(list: readonly Buffer[], offsets: ReadonlyMap<string, number>, total: number): void {
  for (const a of list) {
    const at = offsets.get(a.id)!;
    assert.ok(at >= 0 && at % 4 === 0 && at + a.bytes <= total, `${a.id} at ${at}`);
    for (const b of list) {
      if (a === b || !overlapInTime(a, b)) continue;
      const other = offsets.get(b.id)!;
      assert.ok(at + a.bytes <= other || other + b.bytes <= at || a.bytes === 0 || b.bytes === 0, `${a.id} and ${b.id} overlap`);
    }
  }
}

test('buffers that live at the same time never overlap, and the lower bound holds', () => {
  fc.assert(
    fc.property(buffers, (list) => {
      const bound = largestLiveSet(list);
      const placement = place(alone(list), bound);
      assert.is(lowerBound(alone(list)), bound);
      assertDisjoint(list, placement.offsets, placement.bytes);
      assert.ok(placement.bytes >= bound);
      for (const fit of ['first', 'best'] as const) assert.ok(placement.bytes <= new Placer(alone(list)).inOrder(list, fit, fit).bytes);
    }),
    { seed: 7, numRuns: 300 },
  );
});

/** Every second buffer may share memory with the one before it where that one dies as it begins. */
const shared = buffers.chain((list) =>
  fc.array(fc.option(fc.integer({ min: -40, max: 80 }).map((d) => d * 4), { nil: null }), { minLength: list.length, maxLength: list.length }).map((distances): Problem => {
    const sharings: Sharing[] = [];
    list.forEach((output, i) => {
      const input = list.find((b) => b !== output && b.last === output.first && b.first < output.first && b.bytes >= output.bytes);
      if (input && !sharings.some((s) => s.input === input.id)) sharings.push({ output: output.id, input: input.id, distance: distances[i]! });
    });
    return { buffers: list, sharings, alignment: 4 };
  }),
);

test('buffers that live at the same time overlap by a declared safe distance only', () => {
  let overlapping = 0;
  fc.assert(
    fc.property(shared, (problem) => {
      const bound = lowerBound(problem);
      const { offsets, bytes } = place(problem, bound);
      assert.ok(bytes >= bound, `${bytes} bytes, bound ${bound}`);
      for (const a of problem.buffers) {
        for (const b of problem.buffers) {
          if (a === b || !overlapInTime(a, b)) continue;
          const [x, y] = [offsets.get(a.id)!, offsets.get(b.id)!];
          if (x + a.bytes <= y || y + b.bytes <= x) continue;
          overlapping++;
          const sharing = problem.sharings.find((s) => (s.output === a.id && s.input === b.id) || (s.output === b.id && s.input === a.id));
          assert.ok(sharing, `${a.id} and ${b.id} overlap`);
          const [output, input] = [offsets.get(sharing!.output)!, offsets.get(sharing!.input)!];
          if (sharing!.distance === null) assert.is(output, input);
          else assert.ok(output <= input - sharing!.distance, `${output} lies above ${input} - ${sharing!.distance}`);
        }
      }
    }),
    { seed: 9, numRuns: 500 },
  );
  assert.ok(overlapping > 100, `${overlapping} overlaps were seen`);
});

test('the same buffers get the same places', () => {
  fc.assert(fc.property(buffers, (list) => assert.equal([...place(alone(list), 0).offsets], [...place(alone(list), 0).offsets])), { seed: 8, numRuns: 20 });
});

test('a gap in the middle is used', () => {
  const list: Buffer[] = [
    { id: 'a', bytes: 8, first: 0, last: 2 },
    { id: 'b', bytes: 16, first: 0, last: 0 },
    { id: 'c', bytes: 8, first: 0, last: 2 },
    { id: 'd', bytes: 16, first: 1, last: 1 },
  ];
  assert.is(place(alone(list), 32).bytes, 32);
});

test.run();
