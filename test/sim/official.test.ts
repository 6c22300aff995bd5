/** Fixed point as its authors' code has it: gemmlowp's exponential and reciprocal, I-ViT's requantization. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { requantizer } from '../../sim/requantize.js';
import { expOnNegative, oneOverOnePlus } from '../../sim/scalar/exponential.js';
import { goldenFile, leftOut } from '../support/bench.js';

const test = suite('official fixed point');

function casesOf<T>(name: string): readonly T[] | null {
  const file = goldenFile(`${name}.json`);
  if (file) return (JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly T[] }).cases;
  leftOut(1, `the vectors ${name}.json are absent`);
  return null;
}

test("gemmlowp's exponential of Q5.26", () => {
  for (const [x, expected] of casesOf<readonly [number, number]>('gemmlowp_exp_q5_26') ?? []) assert.is(expOnNegative(x, 5), expected, `${x}`);
});

test("gemmlowp's 1/(1 + x)", () => {
  for (const [x, expected] of casesOf<readonly [number, number]>('gemmlowp_recip_1px') ?? []) assert.is(oneOverOnePlus(x), expected, `${x}`);
});

interface Multiplication {
  readonly bits: number;
  readonly in: readonly (readonly number[])[];
  readonly mult: readonly number[];
  readonly shift: readonly number[];
  readonly identity: readonly (readonly number[])[] | null;
  readonly identity_mult: readonly number[] | null;
  readonly identity_shift: readonly number[] | null;
  readonly official_out: readonly (readonly number[])[];
}

/** Sums keep every place until their one rounding; the official code rounds each operand. */
test("I-ViT's requantization: equal without a second operand, at most one code apart with one", () => {
  const cases = casesOf<Multiplication>('ivit_fixedpoint_mul');
  if (!cases) return;
  const counts = { plain: 0, sums: 0, apart: 0 };
  for (const one of cases) {
    const wide = 2 ** 31 - 1;
    const clamp: readonly [number, number] = [4, 8, 16].includes(one.bits) ? [-(2 ** (one.bits - 1)), 2 ** (one.bits - 1) - 1] : [-wide - 1, wide];
    const code = requantizer({ mode: 'dyadic', multiplier: one.mult, shift: one.shift, zeroPoint: 0, clamp });
    one.in.forEach((row, r) =>
      row.forEach((value, c) => {
        const official = one.official_out[r]![c]!;
        if (!one.identity) {
          counts.plain++;
          assert.is(code(value, c), official);
          return;
        }
        const at = (list: readonly number[]): number => list[list.length === 1 ? 0 : c]!;
        const exact = (value * at(one.mult)) / 2 ** at(one.shift) + (one.identity[r]![c]! * at(one.identity_mult!)) / 2 ** at(one.identity_shift!);
        const once = Math.min(clamp[1], Math.max(clamp[0], Math.floor(exact + 0.5)));
        counts.sums++;
        if (once !== official) counts.apart++;
        assert.ok(Math.abs(once - official) <= 1, `${once} is not ${official}`);
      }),
    );
  }
  assert.ok(counts.plain > 1000 && counts.sums > 1000);
  console.log(`${counts.apart} of ${counts.sums} sums one code apart`);
});

test.run();
