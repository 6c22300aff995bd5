import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerNode, Requantize } from '../../../src/graph/integer.js';
import { type FoldedRequantize, foldRequantize } from '../../../src/operators/dsp/requantize.js';
import * as scalar from '../../../sim/scalar/requantize.js';
import { Random } from '../../support/integer-graphs.js';

const requantize = suite('dsp requantize');

const SEED = 31;
const REACH = 3_000_000;

/** What the instructions compute. */
function execute(folded: FoldedRequantize, accumulator: number): number {
  const { multiplier, addend, shift } = folded.channels[0]!;
  const x = BigInt(folded.doubled ? 2 * accumulator : accumulator);
  const sign = folded.kind === 'away' && accumulator < 0 ? -1 : 0;
  const nudge = folded.kind === 'floor' ? 0n : 2n ** 31n;
  const high = Number((x * BigInt(multiplier) + nudge) >> 32n) + addend + sign;
  assert.equal(high, high | 0, 'no wrap');
  const { signed, bits } = folded.saturation;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  return Math.min(Math.max(high >> shift, low), low + 2 ** bits - 1);
}

function define(r: Requantize, x: number): number {
  const value = () => {
    switch (r.mode) {
      case 'tfliteDouble': return scalar.requantizeTfliteDouble(x, r.multiplier[0]!, r.shift[0]!);
      case 'tfliteSingle': return scalar.requantizeTfliteSingle(x, r.multiplier[0]!, r.shift[0]!);
      case 'dyadic': return scalar.requantizeDyadic(x, r.multiplier[0]!, r.shift[0]!);
      case 'dyadicHigh': return scalar.requantizeDyadicHigh(x, r.multiplier[0]!);
      case 'shift': return r.rounding === 'floor' ? scalar.shiftFloor(x, r.shift[0]!) : scalar.shiftHalfUp(x, r.shift[0]!);
      default: throw new Error(r.mode);
    }
  };
  return scalar.clamp(value() + r.zeroPoint, r.clamp[0], r.clamp[1]);
}

function nodeWith(r: Requantize): IntegerNode {
  return {
    id: 'n', op: 'dense', inputs: [], outputs: [], attributes: {}, requantize: r,
    bounds: { accumulator: [[-REACH, REACH]], accumulatorBits: 32 }, origin: { nodeName: 'n' } as IntegerNode['origin'],
  };
}

/** Values around every change of the output, both ends, zero, and random ones. */
function accumulators(random: Random, ratio: number): readonly number[] {
  const steps = Array.from({ length: 256 }, (_, i) => Math.round((i - 128.5) / ratio));
  const near = steps.flatMap((s) => [s - 2, s - 1, s, s + 1, s + 2]);
  const others = Array.from({ length: 300 }, () => random.integer(-REACH, REACH));
  return [...near, -REACH, REACH, -1, 0, 1, ...others].filter((x) => Math.abs(x) <= REACH);
}

/** The real factor of a mode, roughly. */
function ratioOf(r: Requantize): number {
  if (r.mode === 'dyadicHigh') return r.multiplier[0]! / 2 ** 32;
  if (r.mode === 'dyadic') return r.multiplier[0]! / 2 ** r.shift[0]!;
  if (r.mode === 'tfliteDouble' || r.mode === 'tfliteSingle') return (r.multiplier[0]! / 2 ** 31) * 2 ** r.shift[0]!;
  return r.mode === 'shift' ? 2 ** -r.shift[0]! : 1;
}

function checkMode(name: string, make: (random: Random) => Requantize, least: number): void {
  requantize(`${name} equals its definition`, () => {
    const random = new Random(SEED);
    let folded = 0;
    for (let i = 0; i < 300; i++) {
      const r = make(random);
      const form = foldRequantize(nodeWith(r), 1);
      if (!form) continue;
      folded++;
      const ratio = ratioOf(r);
      for (const x of accumulators(random, Math.max(Math.abs(ratio), 1e-12))) assert.is(execute(form, x), define(r, x), `${JSON.stringify(r)} of ${x}`);
    }
    assert.ok(folded >= least, `${folded} of 300 have a folded form`);
  });
}

const multiplier = (random: Random) => [random.integer(2 ** 30, 2 ** 31 - 1)];
const end = (random: Random) => {
  const signed = random.next() < 0.7;
  return { zeroPoint: random.pick([-128, random.integer(-128, 127), 0]), clamp: signed ? ([-128, 127] as const) : ([0, 255] as const) };
};

checkMode('tfliteDouble', (random) => ({ mode: 'tfliteDouble', multiplier: multiplier(random), shift: [-random.integer(0, 31)], ...end(random) }), 250);
checkMode('tfliteSingle', (random) => ({ mode: 'tfliteSingle', multiplier: multiplier(random), shift: [-random.integer(0, 24)], ...end(random) }), 250);
checkMode('dyadic', (random) => ({ mode: 'dyadic', multiplier: multiplier(random), shift: [random.integer(31, 55)], ...end(random) }), 300);
checkMode('dyadicHigh', (random) => ({ mode: 'dyadicHigh', multiplier: [random.integer(0, 2 ** 31 - 1)], ...end(random) }), 300);
checkMode('dyadic of flipped weights', (random) => ({ mode: 'dyadic', multiplier: [-multiplier(random)[0]!], shift: [random.integer(31, 55)], ...end(random) }), 300);
checkMode('dyadicHigh of flipped weights', (random) => ({ mode: 'dyadicHigh', multiplier: [-random.integer(0, 2 ** 31 - 1)], ...end(random) }), 300);
checkMode('shift', (random) => ({ mode: 'shift', shift: [random.integer(2, 24)], rounding: random.pick(['floor', 'halfUp'] as const), ...end(random) }), 280);

requantize('what has no folded form', () => {
  const base = { multiplier: [2 ** 30], shift: [-5], zeroPoint: 0 };
  assert.is(foldRequantize(nodeWith({ mode: 'tfliteDouble', ...base, clamp: [-100, 127] }), 1), null);
  assert.is(foldRequantize(nodeWith({ mode: 'tfliteDouble', ...base, shift: [2], clamp: [-128, 127] }), 1), null);
  assert.is(foldRequantize(nodeWith({ mode: 'tfliteInt16', ...base, clamp: [-128, 127] }), 1), null);
});

requantize('a ReLU at the zero point needs no sign', () => {
  const relu = { mode: 'tfliteDouble', multiplier: [1.5 * 2 ** 30], shift: [-6], zeroPoint: -128, clamp: [-128, 127] } as const;
  assert.is(foldRequantize(nodeWith(relu), 1)?.kind, 'round');
  assert.is(foldRequantize(nodeWith({ ...relu, zeroPoint: 3 }), 1)?.kind, 'away');
});

requantize.run();
