/** The twins for cores without a long multiply equal the functions whose place they take. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { multiplyEleven, multiplyHighHalves, requantizeDyadicHighHalves, requantizeTfliteDoubleHalves, saturatingRoundingDoublingHighMulHalves } from '../../sim/scalar/halves.js';
import { multiplyHigh, requantizeDyadicHigh, requantizeTfliteDouble, saturatingRoundingDoublingHighMul } from '../../sim/scalar/requantize.js';

const halves = suite('sim/halves');

const LEAST = -(2 ** 31);
const MOST = 2 ** 31 - 1;
const CORNERS = [0, 1, -1, 32767, 32768, -32768, 65535, 65536, -65536, 2 ** 30, -(2 ** 30), MOST, LEAST + 1];
/** Every magnitude, corners of the halves, and numbers whose halves are corners. */
const word = fc.oneof(
  fc.integer({ min: LEAST, max: MOST }),
  fc.constantFrom(...CORNERS, LEAST),
  fc.tuple(fc.constantFrom(-32768, -1, 0, 1, 32767), fc.constantFrom(0, 1, 32767, 32768, 65535)).map(([high, low]) => high * 65536 + low),
  fc.tuple(fc.integer({ min: LEAST, max: MOST }), fc.integer({ min: 0, max: 31 })).map(([v, n]) => v >> n),
);
const multiplier = word.map((v) => Math.max(v, LEAST + 1));
const RUNS = { numRuns: 50_000 };

halves('saturatingRoundingDoublingHighMul', () => {
  fc.assert(fc.property(word, word, (a, b) => saturatingRoundingDoublingHighMulHalves(a, b) === saturatingRoundingDoublingHighMul(a, b)), RUNS);
  assert.is(saturatingRoundingDoublingHighMulHalves(LEAST, LEAST), MOST);
});

halves('requantizeTfliteDouble', () => {
  fc.assert(fc.property(word, multiplier, fc.integer({ min: -31, max: 30 }), (x, m, shift) => requantizeTfliteDoubleHalves(x, m, shift) === requantizeTfliteDouble(x, m, shift)), RUNS);
});

halves('requantizeDyadicHigh', () => {
  fc.assert(fc.property(word, multiplier, (x, m) => requantizeDyadicHighHalves(x, m) === requantizeDyadicHigh(x, m)), RUNS);
});

halves('multiplyHigh', () => {
  fc.assert(fc.property(word, word, (a, b) => multiplyHighHalves(a, b) === multiplyHigh(a, b)), RUNS);
});

halves('three products of eleven bits', () => {
  const short = fc.oneof(fc.integer({ min: -(2 ** 20), max: 2 ** 20 }), fc.constantFrom(-(2 ** 20), 2 ** 20, 0, -1));
  const positive = word.map((v) => v & MOST);
  fc.assert(fc.property(short, positive, (x, m) => multiplyEleven(x, m >> 22, (m >> 11) & 2047, m & 2047) === Number((BigInt(x) * BigInt(m)) >> 22n)), RUNS);
});

halves.run();
