/** Grids, codes and digits of shift weights against their definitions and the recorded vectors. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { digitsValue, leadingDigits, signedDigits } from '../../../src/operators/shift/digits.js';
import { shiftedStatements } from '../../../src/operators/shift/terms.js';
import { nearestIndex, shiftCodes, shiftGrid, shiftWeightBits } from '../../../src/operators/shift/weights.js';
import { goldenFile, leftOut } from '../../support/bench.js';
import { Random } from '../../support/integer-graphs.js';

const weights = suite('shift weights');

function golden<T>(name: string): readonly T[] {
  const file = goldenFile(name);
  if (file) return (JSON.parse(readFileSync(file, 'utf8')) as { cases: T[] }).cases;
  leftOut(1, `${name} is absent`);
  return [];
}

weights('a grid holds every sum of its terms and nothing else', () => {
  assert.equal([...shiftGrid({ terms: 1, exponentBits: 1 })], [-2, -1, 1, 2]);
  assert.equal([...shiftGrid({ terms: 1, exponentBits: 2 })], [-8, -4, -2, -1, 1, 2, 4, 8]);
  assert.equal([...shiftGrid({ terms: 2, exponentBits: 1 })], [-4, -3, -2, -1, 0, 1, 2, 3, 4]);
});

weights('the codes of a weight add up to it, and the type holds it', () => {
  for (const grid of [{ terms: 1, exponentBits: 3 }, { terms: 2, exponentBits: 3 }, { terms: 3, exponentBits: 2 }]) {
    for (const weight of shiftGrid(grid)) {
      const codes = shiftCodes(weight, grid);
      const value = codes.reduce((sum, code) => sum + (code >> grid.exponentBits === 1 ? -1 : 1) * 2 ** (code % 2 ** grid.exponentBits), 0);
      assert.is(codes.length, grid.terms);
      assert.is(value, weight);
      assert.ok(weight < 2 ** (shiftWeightBits(grid) - 1));
    }
  }
  assert.throws(() => shiftCodes(3, { terms: 1, exponentBits: 3 }), /no sum of 1/);
});

weights('the nearest value of a grid is the one of least distance', () => {
  const grid = shiftGrid({ terms: 2, exponentBits: 3 });
  const random = new Random(7);
  for (let i = 0; i < 500; i++) {
    const value = (random.next() - 0.5) * 600;
    const least = Math.min(...Array.from(grid, (g) => Math.abs(g - value)));
    assert.is(Math.abs(grid[nearestIndex(grid, value)]! - value), least, `${value}`);
  }
  assert.is(grid[nearestIndex(grid, 1e9)], 256);
  // The boundary between 2^e and 2^(e+1) is their arithmetic mean.
  const single = shiftGrid({ terms: 1, exponentBits: 3 });
  assert.equal([2.99, 3.01, -2.99, -3.01].map((value) => single[nearestIndex(single, value)]), [2, 4, -2, -4]);
});

weights('recorded DenseShift codes and sums', () => {
  interface Dot { readonly bits: number; readonly scale: number; readonly w: number[]; readonly code: number[]; readonly x: number[]; readonly acc: number }
  for (const { bits, scale, w, code, x, acc } of golden<Dot>('P_denseshift_dot.json')) {
    const shape = { terms: 1, exponentBits: bits - 1 };
    const grid = shiftGrid(shape);
    const values = w.map((value) => grid[nearestIndex(grid, value / scale)]!);
    assert.equal(values.flatMap((value) => shiftCodes(value, shape)), code);
    assert.is(values.reduce((sum, value, i) => sum + value * x[i]!, 0), acc);
  }
});

weights('recorded canonical signed digits', () => {
  for (const [value, digits] of golden<[number, [number, number][]]>('csd.json')) {
    assert.equal(signedDigits(value).map(({ exponent, sign }) => [exponent, sign]), digits);
  }
});

weights('recorded requantizations by few digits', () => {
  for (const [x, multiplier, count, digits, truncated, shift, y] of golden<[number, number, number, [number, number][], number, number, number]>('csd_requant.json')) {
    const leading = leadingDigits(multiplier, count);
    assert.equal(leading.map(({ exponent, sign }) => [exponent, sign]), digits);
    assert.is(digitsValue(leading), truncated);
    assert.is(Math.floor((x * truncated + 2 ** (shift - 1)) / 2 ** shift), y);
  }
});

weights('a factor in C is the sum of its shifts', () => {
  for (const factor of [0, 1, -1, 2, 7, -7, 23, -160, 32767]) {
    const statements = shiftedStatements('x', factor).map((line) => line.replace('(void)', '').replace('PTQ_APART(sum);', 'sum |= 0;'));
    const evaluate = new Function('x', `let sum = 5; ${statements.join(' ')} return sum - 5;`) as (x: number) => number;
    for (const x of [0, 1, 5, 1000]) assert.is(evaluate(x), x * factor, `${factor}: ${statements.join(' ')}`);
  }
});

weights.run();
