/** Ratios as integers: against TFLite's and HAWQ's own vectors, and against the stated error bounds. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { dyadicMode, dyadicNumber, frexp, quantizeMultiplier, smallestHighMultiplier } from '../../src/quantization/multiplier.js';
import { roundHalfAway } from '../../src/graph/lanes.js';
import { goldenFile, leftOut } from '../support/bench.js';

const test = suite('multiplier');
const runs = { numRuns: 5000, seed: 4711 };
const ratio = fc.double({ min: 2 ** -31, max: 1000, noNaN: true });

test('rounds half away from zero, also just below one half', () => {
  assert.equal([0.5, -0.5, 1.5, -2.5, 0.49999999999999994, -0.49999999999999994, 0].map(roundHalfAway), [1, -1, 2, -3, 0, 0, 0]);
});

test('frexp is exact over the whole range of doubles', () => {
  for (const value of [2 ** -1074, 2 ** -1022, 3 * 2 ** -1040, 1, 0.5, 2 ** 1023, Number.MAX_VALUE]) {
    const { mantissa, exponent } = frexp(value);
    assert.ok(mantissa >= 0.5 && mantissa < 1);
    assert.is(mantissa * 2 ** Math.trunc(exponent / 2) * 2 ** (exponent - Math.trunc(exponent / 2)), value);
  }
});

test('a dyadic number is off by at most 2^-31 of the ratio', () => {
  fc.assert(
    fc.property(ratio, (real) => {
      const { multiplier, shift } = dyadicNumber(real);
      assert.equal(dyadicNumber(-real), { multiplier: -multiplier, shift });
      assert.ok(Number.isInteger(multiplier) && multiplier < 2 ** 31 && shift >= 1 && shift <= 62);
      return Math.abs(multiplier * 2 ** -shift - real) <= real * 2 ** -31;
    }),
    runs,
  );
});

test('the high-half form is taken only where its error stays below 2^-9 quanta', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 2 ** -20, max: 1, noNaN: true }), { minLength: 1, maxLength: 4 }), fc.constantFrom(8, 16), (ratios, bits) => {
      const mode = dyadicMode(ratios, bits);
      const flipped = dyadicMode(ratios.map((r) => -r), bits);
      assert.is(flipped.mode, mode.mode);
      if ('multiplier' in mode && 'multiplier' in flipped) assert.equal(flipped.multiplier, mode.multiplier.map((m) => -m));
      if (mode.mode !== 'dyadicHigh') return ratios.some((r) => r > 0.4999 || r * 2 ** 32 < smallestHighMultiplier(bits) + 1);
      return mode.multiplier.every((m, i) => m < 2 ** 31 && (Math.abs(m / 2 ** 32 - ratios[i]!) / ratios[i]!) * 2 ** bits <= 2 ** -9);
    }),
    runs,
  );
});

test('ratios outside the form are refused', () => {
  assert.throws(() => dyadicNumber(2 ** 30), /2\^30/);
  assert.throws(() => quantizeMultiplier(Number.NaN), /finite/);
});

test('golden: quantize_multiplier', () => {
  for (const [real, , m, shift, mSingle, shiftSingle] of golden<readonly [number, string, number, number, number, number]>('quantize_multiplier.json')) {
    assert.equal(quantizeMultiplier(real), { multiplier: m, shift }, `double ${real}`);
    assert.equal(quantizeMultiplier(real, 'single'), { multiplier: mSingle, shift: shiftSingle }, `single ${real}`);
  }
});

test('golden: hawq_batch_frexp, but for its multipliers of 2^31', () => {
  for (const [real, m, e] of golden<readonly [number, number, number]>('hawq_batch_frexp.json')) {
    if (e < 1 || e > 62) continue;
    const expected = m === 2 ** 31 ? { multiplier: 2 ** 30, shift: e - 1 } : { multiplier: m, shift: e };
    assert.equal(dyadicNumber(real), expected, String(real));
  }
});

function golden<Row>(name: string): readonly Row[] {
  const file = goldenFile(name);
  if (!file) {
    leftOut(1, `${name} is absent`);
    return [];
  }
  return (JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly Row[] }).cases;
}

test.run();
