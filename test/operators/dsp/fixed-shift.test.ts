import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { clamp, requantizeDyadic, requantizeTfliteDouble, requantizeTfliteSingle } from '../../../sim/scalar/requantize.js';
import type { IntegerNode, Requantize } from '../../../src/graph/integer.js';
import { type FixedChannel, fixRequantize } from '../../../src/operators/dsp/fixed-shift.js';
import { Random } from '../../support/integer-graphs.js';

const fixedShift = suite('requantization with one shift for all channels');

const SEED = 95;

function nodeWith(requantize: Requantize, ranges: readonly (readonly [number, number])[]): IntegerNode {
  const origin = { file: 'test', format: 'builder', nodeName: 'n', opType: 'Conv' } as const;
  return { id: 'n', op: 'conv2d', inputs: [], outputs: [], attributes: {}, requantize, bounds: { accumulator: ranges, accumulatorBits: 32 }, origin };
}

/** What SMMLA and the saturation compute. */
function codeOf({ scale, nudge, multiplier, addend }: FixedChannel, shift: number, accumulator: number): number {
  const scaled = accumulator * 2 ** scale + nudge;
  assert.ok(Math.abs(scaled) < 2 ** 31, `${scaled} wraps`);
  const sum = Number((BigInt(scaled) * BigInt(multiplier)) >> 32n) + addend;
  assert.ok(Math.abs(sum) < 2 ** 31, `${sum} wraps`);
  return clamp(sum >> shift, -128, 127);
}

function definition(requantize: Requantize, channel: number): (accumulator: number) => number {
  const { mode, zeroPoint, clamp: ends } = requantize;
  const [multiplier, shift] = 'multiplier' in requantize && 'shift' in requantize ? [requantize.multiplier[channel]!, requantize.shift[channel]!] : [0, 0];
  const f = mode === 'tfliteDouble' ? requantizeTfliteDouble : mode === 'tfliteSingle' ? requantizeTfliteSingle : requantizeDyadic;
  return (x) => clamp(f(x, multiplier, shift) + zeroPoint, ends[0], ends[1]);
}

fixedShift('equals the definition at both ends of the range and on both sides of every step', () => {
  const random = new Random(SEED);
  let accepted = 0;
  for (let i = 0; i < 120; i++) {
    const mode = random.pick(['tfliteDouble', 'tfliteSingle', 'dyadic'] as const);
    const channels = 4;
    const zeroPoint = mode === 'tfliteDouble' ? -128 : random.integer(-128, 127);
    const places = Array.from({ length: channels }, () => random.pick([4, 5, 6, 7, 8, 9, 11, 13, 15]));
    const multiplier = places.map(() => random.integer(2 ** 30, 2 ** 31 - 1) * (mode === 'dyadic' ? random.pick([1, -1]) : 1));
    const requantize: Requantize = { mode, multiplier, shift: places.map((p) => (mode === 'dyadic' ? 31 + p : -p)), zeroPoint, clamp: [-128, 127] };
    const ranges = places.map((p) => [-random.integer(1, 2 ** (p + 10)), random.integer(1, 2 ** (p + 10))] as const);
    const fixed = fixRequantize(nodeWith(requantize, ranges), places.map(() => random.integer(1, 128)));
    if (!fixed) continue;
    accepted++;
    fixed.channels.forEach((channel, c) => {
      const [low, high] = ranges[c]!;
      const wanted = definition(requantize, c);
      const check = (x: number) => assert.is(codeOf(channel, fixed.shift, x), wanted(x), `${mode} case ${i} channel ${c} accumulator ${x}`);
      const steps = multiplier[c]! > 0 ? stepsOf(wanted, low, high) : stepsOf((x) => wanted(-x), -high, -low).map((x) => -x);
      for (const x of [low, high, 0, ...steps]) check(x);
    });
  }
  assert.ok(accepted >= 60, `only ${accepted} of 120 have the form`);
});

/** Every accumulator that begins a new code, and the one before it. */
function stepsOf(code: (accumulator: number) => number, low: number, high: number): number[] {
  const steps: number[] = [];
  for (let at = low; code(at) < code(high); ) {
    let [below, reached] = [at, high];
    while (reached - below > 1) {
      const middle = Math.floor((below + reached) / 2);
      if (code(middle) > code(at)) reached = middle;
      else below = middle;
    }
    steps.push(below, reached);
    at = reached;
  }
  return steps;
}

fixedShift('is refused where rounding away from zero can be told from rounding up', () => {
  const requantize: Requantize = { mode: 'tfliteDouble', multiplier: [2 ** 30 + 12345], shift: [-7], zeroPoint: 0, clamp: [-128, 127] };
  assert.is(fixRequantize(nodeWith(requantize, [[-50000, 50000]]), [127]), null);
});

fixedShift.run();
