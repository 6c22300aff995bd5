/** Division by multiplication against the division of JavaScript: around multiples of every kind of divisor. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { quotientByReciprocal, reciprocalOf } from '../../sim/scalar/reciprocal.js';

const test = suite('sim/reciprocal');
const MOST = 2 ** 31 - 1;

function* divisors(): Generator<number> {
  for (let d = 1; d <= 300; d++) yield d;
  for (let bit = 9; bit <= 31; bit++) for (const d of [2 ** bit - 2, 2 ** bit - 1, 2 ** bit, 2 ** bit + 1, Math.floor(2 ** bit * 0.75), Math.floor(2 ** bit * 0.7)]) if (d <= MOST) yield d;
}

test('equals the quotient toward zero just below, at and above multiples, for every size of divisor', () => {
  let state = 1;
  for (const d of divisors()) {
    const largest = Math.floor(MOST / d);
    const quotients = new Set([0, 1, 2, 7, 8, 9, largest - 1, largest]);
    for (let i = 0; i < 24; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      quotients.add(Math.floor((state / 2 ** 32) * (largest + 1)));
    }
    for (const q of quotients) {
      for (const n of [q * d - 1, q * d, q * d + 1, MOST]) {
        if (n < 0 || n > MOST) continue;
        const actual = [quotientByReciprocal(n, d), quotientByReciprocal(-n, d)];
        if (actual[0] !== Math.floor(n / d) || actual[1] !== 0 - Math.floor(n / d)) assert.unreachable(`${n} / ${d} is ${actual}`);
      }
    }
  }
});

test('the reciprocal stays below the exact one, by less than 3·2^-30 of it and a bit', () => {
  for (const d of divisors()) {
    const leading = d / 2 ** (32 - Math.clz32(d));
    const x = reciprocalOf(d) / 2 ** 30;
    assert.ok(x * leading < 1, `${d}: too large`);
    assert.ok(1 - x * leading <= 3.01 * 2 ** -30, `${d}: ${(1 - x * leading) * 2 ** 30}`);
  }
});

test.run();
