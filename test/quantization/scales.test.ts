/** Scales, zero points and codes: zero is exact, codes are nearest, weak channels stay within the arithmetic. */
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { activationCodes } from '../../src/quantization/requantize.js';
import { typeRange } from '../../src/graph/lanes.js';
import { activationPlan, quantizeValue, weightPlan } from '../../src/quantization/scales.js';

const test = suite('scales');
const runs = { numRuns: 2000, seed: 4711 };
const real = fc.float({ min: -1000, max: 1000, noNaN: true });

test('zero has a code of its own and the range is covered within half a step', () => {
  fc.assert(
    fc.property(real, real, fc.constantFrom(4, 8, 16), (a, b, bits) => {
      const plan = activationPlan(Math.min(a, b), Math.max(a, b), bits);
      const [least, most] = typeRange({ bits, signed: true });
      assert.ok(plan.scale === Math.fround(plan.scale) && plan.scale > 0);
      assert.ok(Number.isInteger(plan.zeroPoint) && plan.zeroPoint >= least && plan.zeroPoint <= most);
      const back = (x: number) => plan.scale * (quantizeValue(x, plan) - plan.zeroPoint);
      assert.is(back(0), 0);
      for (const x of [a, b, (a + b) / 2]) assert.ok(Math.abs(back(x) - x) <= plan.scale * (1 + 2 ** -16), `${x} became ${back(x)} at scale ${plan.scale}`);
    }),
    runs,
  );
});

test('a tensor that is always zero gets a scale', () => {
  assert.equal(activationPlan(0, 0, 8), { bits: 8, signed: true, scale: 1, zeroPoint: -128 });
});

test('0 to 255 become the codes v - 128', () => {
  const plan = activationPlan(0, 255, 8);
  assert.equal([plan.scale, plan.zeroPoint], [1, -128]);
});

test('weights are the nearest of symmetric codes, channel by channel', () => {
  const values = Float32Array.from([1, -2, 0.5, 0, 0, 0, 100, 50, -100]);
  const plan = weightPlan(values, [3, 3], 0, 8);
  assert.is(Math.max(...plan.codes), 127);
  assert.is(Math.min(...plan.codes), -127);
  assert.equal([...plan.codes], [64, -127, 32, 0, 0, 0, 127, 64, -127]);
  values.forEach((value, i) => assert.ok(Math.abs(plan.codes[i]! * plan.scale[Math.floor(i / 3)]! - value) <= plan.scale[Math.floor(i / 3)]! / 2 + 1e-6));
});

test('the channel axis may be any axis, and a least scale holds', () => {
  const plan = weightPlan(Float32Array.from([1, 1e-20, 2, 1e-20]), [2, 2], 1, 8, { least: [0, 0.5] });
  assert.equal(plan.scale, [Math.fround(2 / 127), 0.5]);
  assert.equal([...plan.codes], [64, 0, 127, 0]);
});

test('narrow weights keep to their bits', () => {
  assert.equal([...weightPlan(Float32Array.from([-1, -0.4, 0.4, 1]), [1, 4], 0, 4).codes], [-7, -3, 3, 7]);
});

test('at 2 and 3 bits the lowest code serves the longer tail, above and without leave it stays negative', () => {
  const values = Float32Array.from([2, 1, 0, -1, -2, -1, 0, 1]);
  const flipped = weightPlan(values, [2, 4], 0, 2, { search: 'mse', flips: true });
  flipped.scale.forEach((scale, c) => assert.ok(Math.abs(Math.abs(scale) - 1) < 0.01 && Math.sign(scale) === [-1, 1][c], `${flipped.scale}`));
  assert.equal([...flipped.codes], [-2, -1, 0, 1, -2, -1, 0, 1]);
  assert.ok(weightPlan(values, [2, 4], 0, 2, { search: 'mse' }).scale.every((scale) => scale > 0));
  assert.ok(weightPlan(values, [2, 4], 0, 4, { search: 'mse', flips: true }).scale.every((scale) => scale > 0));
  assert.equal(weightPlan(values, [2, 4], 0, 2, { search: 'mse', flips: true, least: [3, 3] }).scale, [-3, 3]);
});

test('a fused activation clamps to the codes of its ends', () => {
  const plan = activationPlan(-1, 6, 8);
  assert.equal(activationCodes(plan, { min: 0, max: Infinity }), [plan.zeroPoint, 127]);
  assert.equal(activationCodes(plan, { min: 0, max: 6 }), [plan.zeroPoint, 127]);
  assert.equal(activationCodes(plan), [-128, 127]);
});

test.run();
