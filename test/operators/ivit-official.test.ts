/**
 * The official I-ViT code against the integer forms here. Its "integers" are float32, so that no integer form equals all of
 * them; where they cannot be equal, the tests hold how far apart they are, and how far each is from the real function.
 */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { integerSquareRoot, layerNormMean } from '../../sim/scalar/layer-norm.js';
import { shiftDistance, shiftExponential, shiftShare } from '../../sim/scalar/shift-exponential.js';
import { layerNormConstants } from '../../src/operators/layer-norm-integer.js';
import { exponentBits, shiftUnit } from '../../src/operators/shift-functions.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { IntegerGraphBuilder } from '../support/integer-graphs.js';

const official = suite('I-ViT, official code');

function casesOf<T>(name: string): readonly T[] | null {
  const file = goldenFile(name);
  if (!file) leftOut(1, `vectors of ${name}`);
  return file ? (JSON.parse(readFileSync(file, 'utf8')).cases as T[]) : null;
}

const largest = (values: readonly number[]) => values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);

interface Softmax {
  readonly scale: number;
  readonly in: readonly number[];
  readonly I: number;
  readonly out_bits: number;
  readonly official_out: readonly number[];
  readonly official_out_scale: number;
  readonly int_div_round: readonly number[];
}

official('Shiftmax with its own unit equals the official exponentials where none is cut off, and is closer to the softmax with ours', () => {
  const cases = casesOf<Softmax>('ivit_shiftmax.json');
  if (!cases) return;
  const shares = (c: Softmax, unit: number, places: number, bits: number, fraction: number) => {
    const top = Math.max(...c.in);
    const terms = c.in.map((x) => shiftExponential(shiftDistance(top - x, places, (bits + 10) * unit), unit, bits));
    const sum = terms.reduce((a, b) => a + b, 0);
    return terms.map((term) => shiftShare(term, sum, fraction));
  };
  let equal = 0;
  const errors = { ours: 0, official: 0, apart: 0 };
  for (const c of cases) {
    const spread = (Math.max(...c.in) - Math.min(...c.in)) * 1.4375;
    if (spread < 14 * c.I && c.in.length * c.I < 65536) {
      assert.equal(shares(c, c.I, 0, 15, c.out_bits - 1), c.int_div_round);
      equal++;
    }
    const { places, unit } = shiftUnit(c.scale);
    const ours = shares(c, unit, places, exponentBits(unit, c.in.length), 15).map((share) => share / 32768);
    const exponentials = c.in.map((x) => Math.exp(c.scale * (x - Math.max(...c.in))));
    const ideal = exponentials.map((e) => e / exponentials.reduce((a, b) => a + b, 0));
    const theirs = c.official_out.map((code) => code * c.official_out_scale);
    errors.ours = Math.max(errors.ours, largest(ours.map((p, i) => p - ideal[i]!)));
    errors.official = Math.max(errors.official, largest(theirs.map((p, i) => p - ideal[i]!)));
    errors.apart = Math.max(errors.apart, largest(ours.map((p, i) => p - theirs[i]!)));
  }
  console.log(`Shiftmax: ${equal} of ${cases.length} rows equal; error ${errors.ours.toFixed(4)}, official ${errors.official.toFixed(4)}, apart ${errors.apart.toFixed(4)}`);
  assert.ok(equal >= 10, String(equal));
  assert.ok(errors.ours <= 0.0147, String(errors.ours));
  assert.ok(errors.ours < errors.official && errors.apart <= errors.ours + errors.official);
});

interface Gelu {
  readonly scale: number;
  readonly in: readonly number[];
  readonly official_out_int: readonly number[];
  readonly official_out_scale: number;
}

official('ShiftGELU is far from the GELU in the official form, which takes the largest of a row, and near in ours', () => {
  const cases = casesOf<Gelu>('ivit_shiftgelu.json');
  if (!cases) return;
  const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  const errors = { ours: 0, official: 0 };
  for (const c of cases) {
    const { places, unit } = shiftUnit(1.702 * c.scale);
    const ours = c.in.map((x) => {
      const term = shiftExponential(shiftDistance(Math.abs(x), places, 23 * unit), unit, 13);
      const one = unit * 2 ** 13;
      return (c.scale * x * shiftShare(x >= 0 ? one : term, one + term, 8)) / 256;
    });
    errors.ours = Math.max(errors.ours, largest(ours.map((y, i) => y - gelu(c.scale * c.in[i]!))));
    errors.official = Math.max(errors.official, largest(c.official_out_int.map((y, i) => y * c.official_out_scale - gelu(c.scale * c.in[i]!))));
  }
  console.log(`ShiftGELU: error ${errors.ours.toFixed(4)}, official ${errors.official.toFixed(4)}`);
  assert.ok(errors.ours <= 0.03, String(errors.ours));
  assert.ok(errors.official > 1, String(errors.official));
});

interface Norm {
  readonly C: number;
  readonly scale: number;
  readonly in: readonly number[];
  readonly gamma: readonly number[];
  readonly beta: readonly number[];
  readonly official: { readonly out: readonly number[] };
  readonly int_exact_isqrt: { readonly mean: number; readonly std: number };
  readonly 'int_10_newton_from_2^16': { readonly sumsq: number; readonly std: number };
  readonly float_ideal: readonly number[];
}

/** Codes of 16 bits, as in the official residual stream. */
function normalize(c: Norm): readonly number[] {
  const plan = (scale: number) => ({ bits: 16, signed: true, scale, zeroPoint: 0 });
  const step = (1.1 * largest(c.float_ideal)) / 32768;
  const { fractionBits, epsilon, gain, offset, shift } = layerNormConstants(plan(c.scale), plan(step), 1e-5, c.gamma, c.beta);
  const builder = new IntegerGraphBuilder();
  const constants = [builder.constant('gain', [c.C], Int16Array.from(gain)), builder.constant('offset', [c.C], offset)];
  builder.node('layer-norm', 'y', [builder.input('x', [c.C], { bits: 16 }), ...constants], {
    shape: [c.C],
    attributes: { axis: 0, fractionBits, epsilon },
    requantize: { mode: 'shift', shift: [shift], rounding: 'halfUp', zeroPoint: 0, clamp: [-32768, 32767] },
    output: { bits: 16 },
  });
  return [...createSimulator(builder.build(['y'])).run([Int16Array.from(c.in)])[0]!].map((code) => code * step);
}

official('I-LayerNorm: mean and root equal the exact ones, which ten steps of the official code miss for small rows', () => {
  const cases = casesOf<Norm>('ivit_layernorm.json');
  if (!cases) return;
  let missed = 0;
  const errors = { ours: 0, official: 0 };
  for (const c of cases) {
    const { sumsq, std } = c['int_10_newton_from_2^16'];
    if (sumsq < 2 ** 32) assert.is(Math.max(1, integerSquareRoot(sumsq | 0)), c.int_exact_isqrt.std);
    if (std !== c.int_exact_isqrt.std) missed++;
    const sum = c.in.reduce((a, b) => a + b, 0);
    const isTie = Number.isInteger((2 * sum) / c.C) && !Number.isInteger(sum / c.C);
    if (!isTie) assert.is(layerNormMean(sum, c.C, 0), c.int_exact_isqrt.mean);
    // Rows of a few codes have no fraction bits in 16 bits: their mean is rounded in either form.
    if (largest(c.in) < 100) continue;
    errors.ours = Math.max(errors.ours, largest(normalize(c).map((y, i) => y - c.float_ideal[i]!)));
    errors.official = Math.max(errors.official, largest(c.official.out.map((y, i) => y - c.float_ideal[i]!)));
  }
  console.log(`I-LayerNorm: the official root is wrong in ${missed} of ${cases.length} rows; error ${errors.ours.toFixed(4)}, official ${errors.official.toFixed(4)}`);
  assert.ok(missed > 0);
  assert.ok(errors.ours <= errors.official, `${errors.ours} ${errors.official}`);
});

official.run();
