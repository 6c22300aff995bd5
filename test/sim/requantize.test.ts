/** The simulator's number-only arithmetic equals the definitions in sim/scalar and vectors of independent origin. */
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as scalar from '../../sim/scalar/requantize.js';
import * as fast from '../../sim/fast/products.js';
import { requantizer } from '../../sim/requantize.js';
import type { Requantize, RequantizeMode } from '../../src/graph/integer.js';
import { goldenFile, leftOut } from '../support/bench.js';

const test = suite('requantize');

const CORNERS = [0, 1, -1, 2, -2, 127, -128, 2097151, 2097152, -2097151, -2097152, -2097153, 1073741823, 1073741824, -1073741824, 2147483646, 2147483647, -2147483647, -2147483648];
const i32 = fc.oneof(fc.constantFrom(...CORNERS), fc.integer({ min: -2147483648, max: 2147483647 }), fc.integer({ min: -70000, max: 70000 }));
const positive = fc.oneof(fc.constantFrom(0, 1, 1073741824, 2147483647, 2147418112, 2147418111), fc.integer({ min: 1, max: 2147483647 }));
const runs = { numRuns: 20000, seed: 4711 };

/** The definition of a mode with one entry, on exact integers. */
function definition(mode: RequantizeMode, x: number): number {
  switch (mode.mode) {
    case 'tfliteDouble':
      return scalar.requantizeTfliteDouble(x, mode.multiplier[0]!, mode.shift[0]!);
    case 'tfliteSingle':
      return scalar.requantizeTfliteSingle(x, mode.multiplier[0]!, mode.shift[0]!);
    case 'tfliteInt16':
      return scalar.requantizeTfliteInt16(BigInt(x), mode.multiplier[0]!, mode.shift[0]!);
    case 'dyadic':
      return scalar.requantizeDyadic(x, mode.multiplier[0]!, mode.shift[0]!);
    case 'dyadicHigh':
      return scalar.requantizeDyadicHigh(x, mode.multiplier[0]!);
    case 'shift': {
      const by = { floor: scalar.shiftFloor, halfUp: scalar.shiftHalfUp, halfAway: scalar.shiftHalfAway, halfEven: scalar.shiftHalfEven };
      return by[mode.rounding](x, mode.shift[0]!);
    }
    case 'csd': {
      let sum = 0n;
      for (const d of mode.digits[0]!) sum = d.sign > 0 ? scalar.csdPlus(sum, x, d.exponent) : scalar.csdMinus(sum, x, d.exponent);
      return scalar.csdRound(sum, mode.shift[0]!);
    }
  }
}

const wide = { zeroPoint: 0, clamp: [-2147483648, 2147483647] as const };

function same(mode: RequantizeMode, x: number): boolean {
  return requantizer({ ...mode, ...wide })(x, 3) === definition(mode, x);
}

test('tfliteDouble', () => {
  fc.assert(fc.property(i32, positive, fc.integer({ min: -31, max: 30 }), (x, m, s) => same({ mode: 'tfliteDouble', multiplier: [m], shift: [s] }, x)), runs);
});

test('tfliteSingle', () => {
  fc.assert(fc.property(i32, positive, fc.integer({ min: -31, max: 30 }), (x, m, s) => same({ mode: 'tfliteSingle', multiplier: [m], shift: [s] }, x)), runs);
});

test('tfliteInt16 on 47-bit accumulators whose result has 32 bits', () => {
  const accumulator = fc.oneof(i32, fc.maxSafeInteger().map((x) => x % 2 ** 47));
  fc.assert(
    fc.property(accumulator, positive, fc.integer({ min: -31, max: 7 }), (x, m, s) => {
      fc.pre(Math.abs(x) * 2 ** s < 2147483647);
      return same({ mode: 'tfliteInt16', multiplier: [m], shift: [s] }, x);
    }),
    runs,
  );
});

test('dyadic, also with negative multipliers, and its form at shift 32', () => {
  fc.assert(fc.property(i32, i32, fc.integer({ min: 1, max: 62 }), (x, m, s) => same({ mode: 'dyadic', multiplier: [m], shift: [s] }, x)), runs);
  fc.assert(fc.property(i32, i32, (x, m) => same({ mode: 'dyadicHigh', multiplier: [m] }, x)), runs);
  fc.assert(fc.property(i32, i32, (x, m) => scalar.requantizeDyadicHigh(x, m) === scalar.requantizeDyadic(x, m, 32)), runs);
});

test('shift in all four roundings', () => {
  for (const rounding of ['floor', 'halfUp', 'halfAway', 'halfEven'] as const) {
    fc.assert(fc.property(i32, fc.integer({ min: 0, max: 31 }), (x, s) => same({ mode: 'shift', shift: [s], rounding }, x)), runs);
  }
});

test('csd', () => {
  const digit = fc.record({ sign: fc.constantFrom(1 as const, -1 as const), exponent: fc.integer({ min: 0, max: 30 }) });
  fc.assert(
    fc.property(i32, fc.array(digit, { maxLength: 6 }), fc.integer({ min: 1, max: 62 }), (x, digits, s) => {
      const product = digits.reduce((sum, d) => sum + d.sign * 2 ** d.exponent, 0) * x;
      fc.pre(Math.abs(product) / 2 ** s < 2147483647 && Math.abs(product) < 2 ** 62);
      return same({ mode: 'csd', digits: [digits], shift: [s] }, x);
    }),
    runs,
  );
});

test('saturatingRoundingDoublingHighMul saturates its one overflow', () => {
  assert.is(scalar.saturatingRoundingDoublingHighMul(-2147483648, -2147483648), 2147483647);
  fc.assert(fc.property(i32, i32, (a, b) => fast.doublingHigh(a, b) === scalar.saturatingRoundingDoublingHighMul(a, b)), runs);
});

test('per-channel entries, zero point and clamp', () => {
  const r: Requantize = { mode: 'dyadic', multiplier: [3, 5], shift: [2, 1], zeroPoint: -10, clamp: [-12, 20] };
  const apply = requantizer(r);
  assert.equal([apply(8, 0), apply(8, 1), apply(1000, 0), apply(-1000, 1)], [-4, 10, 20, -12]);
});

/** [x, multiplier, shift, double, single]; null = undefined in C. */
test('golden: tflite_requant', () => {
  const cases = golden<readonly [number, number, number, number | null, number | null]>('tflite_requant.json');
  for (const [x, multiplier, shift, double, single] of cases) {
    if (double !== null) {
      assert.is(scalar.requantizeTfliteDouble(x, multiplier, shift), double);
      assert.is(fast.tfliteDouble(x, multiplier, shift), double);
    }
    if (single !== null) {
      assert.is(scalar.requantizeTfliteSingle(x, multiplier, shift), single);
      assert.is(fast.tfliteSingle(x, multiplier, shift), single);
    }
  }
});

test('golden: tflite_requant_s64', () => {
  for (const [x, multiplier, shift, expected] of golden<readonly [number, number, number, number | null]>('tflite_requant_s64.json')) {
    if (expected === null) continue;
    assert.is(scalar.requantizeTfliteInt16(BigInt(x), multiplier, shift), expected);
    assert.is(fast.tfliteInt16(x, multiplier, shift), expected);
  }
});

test('golden: pow2_requant', () => {
  for (const [x, n, floor, up, away, even] of golden<readonly [number, number, number, number, number, number]>('pow2_requant.json')) {
    assert.equal([scalar.shiftFloor(x, n), scalar.shiftHalfUp(x, n), scalar.shiftHalfAway(x, n), scalar.shiftHalfEven(x, n)], [floor, up, away, even], `${x} >> ${n}`);
  }
});

test('golden: csd_requant', () => {
  type Row = readonly [number, number, number, readonly (readonly [number, 1 | -1])[], number, number, number];
  for (const [x, , , pairs, , shift, y] of golden<Row>('csd_requant.json')) {
    const digits = [pairs.map(([exponent, sign]) => ({ exponent, sign }))];
    assert.is(definition({ mode: 'csd', digits, shift: [shift] }, x), y);
    assert.is(requantizer({ mode: 'csd', digits, shift: [shift], ...wide })(x, 0), y);
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
