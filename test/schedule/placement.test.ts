import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { largestLiveSet } from '../../src/schedule/lifetimes.js';
import { type Buffer, overlapInTime, place, placeInOrder } from '../../src/schedule/placement.js';

const test = suite('schedule/placement');

const buffers = fc
  .array(fc.record({ bytes: fc.integer({ min: 0, max: 64 }), first: fc.integer({ min: -1, max: 20 }), length: fc.integer({ min: 0, max: 8 }) }), { minLength: 1, maxLength: 24 })
  .map((list) => list.map(({ bytes, first, length }, i): Buffer => ({ id: `b${i}`, bytes: bytes * 4, first, last: first + length })));

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
      const placement = place(list, bound);
      assertDisjoint(list, placement.offsets, placement.bytes);
      assert.ok(placement.bytes >= bound);
      for (const fit of ['first', 'best'] as const) assert.ok(placement.bytes <= placeInOrder(list, fit, fit).bytes);
    }),
    { seed: 7, numRuns: 300 },
  );
});

test('the same buffers get the same places', () => {
  fc.assert(fc.property(buffers, (list) => assert.equal([...place(list, 0).offsets], [...place(list, 0).offsets])), { seed: 8, numRuns: 20 });
});

test('a gap in the middle is used', () => {
  const list: Buffer[] = [
    { id: 'a', bytes: 8, first: 0, last: 2 },
    { id: 'b', bytes: 16, first: 0, last: 0 },
    { id: 'c', bytes: 8, first: 0, last: 2 },
    { id: 'd', bytes: 16, first: 1, last: 1 },
  ];
  assert.is(place(list, 32).bytes, 32);
});

test.run();
