/** Shift weights by search: the scale of least error among those that need one shift, and what the lowering makes of it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { shiftGrid } from '../../../src/operators/shift/weights.js';
import { fileCheckpoint } from '../../../src/quantization/index.js';
import { shiftMode } from '../../../src/quantization/shift/requantize.js';
import { shiftWeightPlan } from '../../../src/quantization/shift/weights.js';
import { Random } from '../../support/integer-graphs.js';

const conversion = suite('shift quantization');

function gaussian(random: Random, count: number): Float32Array {
  return Float32Array.from({ length: count }, () => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next()));
}

function ratioDb(values: Float32Array, plan: { readonly codes: ArrayLike<number>; readonly scale: readonly number[] }): number {
  const power = values.reduce((sum, value) => sum + value * value, 0);
  const noise = values.reduce((sum, value, i) => sum + (plan.codes[i]! * plan.scale[0]! - value) ** 2, 0);
  return 10 * Math.log10(power / noise);
}

// Bounds: a tenth of a decibel or two below what exhaustive search of real scales gives on Gaussian weights.
for (const [terms, termBits, least] of [[1, 2, 7], [1, 3, 12.5], [1, 4, 13.8], [2, 4, 28]] as const) {
  conversion(`${terms} term(s) of ${termBits} bits keep Gaussian weights at ${least} dB`, () => {
    const values = gaussian(new Random(3), 4000);
    for (const ratio of [10, 13, 17]) {
      const plan = shiftWeightPlan(values, [1, 4000], 0, { terms, termBits, ratio, biases: [0] });
      assert.ok(ratioDb(values, plan) > least, `${ratioDb(values, plan)} dB`);
    }
  });
}

conversion('scales are the ratio over powers of two, codes lie on the grid, zeros cost nothing', () => {
  const random = new Random(5);
  const values = Float32Array.from([...gaussian(random, 40).map((v) => v * 0.1), ...gaussian(random, 40).map((v) => v * 3), ...new Float32Array(40)]);
  const plan = shiftWeightPlan(values, [3, 40], 0, { terms: 1, termBits: 3, ratio: 0.37, biases: [0, 1e6, 20] });
  for (const scale of plan.scale) assert.ok(Number.isInteger(Math.log2(0.37 / scale)), `${scale}`);
  const grid = [...shiftGrid({ terms: 1, exponentBits: 2 })];
  assert.ok([...plan.codes].every((code) => grid.includes(code)));
  // What is added for a channel of zeros is far below a quantum of the output.
  assert.ok(plan.scale[2]! / 0.37 <= 2 ** -20);
  // The bias of the second channel must stay a number of 30 bits.
  assert.ok(1e6 * (0.37 / plan.scale[1]!) <= 2 ** 29);
});

conversion('stored units keep weights beyond a byte', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-units-'));
  try {
    const plan = shiftWeightPlan(gaussian(new Random(6), 60), [2, 30], 0, { terms: 2, termBits: 4, ratio: 10, biases: [0] });
    const wide = { ...plan, codes: Int16Array.from(plan.codes, (code, i) => (i === 0 ? 192 : code)) };
    fileCheckpoint(join(folder, 'units.json'), 'key', false).save('unit', { weights: new Map([['w', wide]]), activations: new Map(), softShare: null, loss: 0 });
    assert.equal(fileCheckpoint(join(folder, 'units.json'), 'key', true).load('unit')!.weights.get('w'), wide);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

conversion('a requantization is one shift where ratios are powers of two, else few digits', () => {
  assert.equal(shiftMode([2 ** -5, 2 ** -9]), { mode: 'shift', shift: [5, 9], rounding: 'halfUp' });
  for (const ratio of [0.0123, 0.7, 1.9, 3.3e-5]) {
    const mode = shiftMode([ratio]);
    assert.ok(mode.mode === 'csd');
    const value = mode.digits[0]!.reduce((sum, { sign, exponent }) => sum + sign * 2 ** exponent, 0) / 2 ** mode.shift[0]!;
    assert.ok(mode.digits[0]!.length <= 5);
    assert.ok(Math.abs(value / ratio - 1) < 2 ** -8, `${ratio}: ${value}`);
  }
});

conversion.run();
