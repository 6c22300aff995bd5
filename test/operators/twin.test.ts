/** Two ranges aligned by a shift: codes of the official vectors, one accumulator as good as two, softmax and tables that write them. */
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { twinShare } from '../../sim/scalar/softmax.js';
import type { ActivationPlan } from '../../src/operators/lower.js';
import { twinBits, twinCode, type TwinRanges } from '../../src/operators/twin.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { randomNumbers } from '../support/float-graphs.js';
import { firmwareCase, lowerCase } from '../support/operator-cases.js';

const test = suite('twin uniform quantization');

function planOf(twin: TwinRanges, scale: number): ActivationPlan {
  return { bits: twinBits(twin), signed: true, scale, zeroPoint: 0, twin };
}

/** A shifted magnitude as the paper's code: the flag at the top, the magnitude below. */
function flagAndMagnitude(code: number, { bits, shift, split }: TwinRanges): number {
  return code > split ? 2 ** (bits - 1) + code / 2 ** shift : Math.abs(code);
}

/** What a code of flag and magnitude says; the flag of a magnitude 0 says nothing. */
function shifted(code: number, { bits, shift }: TwinRanges): number {
  const flag = 2 ** (bits - 1);
  return code >= flag ? (code - flag) * 2 ** shift : code;
}

test('shares get the official codes', () => {
  const file = goldenFile('ptq4vit_twin_softmax.json');
  if (!file) return leftOut(12, 'the vectors ptq4vit_twin_softmax.json are absent');
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly { k: number; m: number; p: readonly number[]; codes: readonly number[] }[] };
  assert.is(cases.length, 12);
  for (const { k, m, p, codes } of cases) {
    const most = 2 ** (k - 1) - 1;
    const twin = { bits: k, shift: m, split: most };
    assert.equal(p.map((share) => twinCode(share * most * 2 ** m, twin)), codes.map((code) => shifted(code, twin)), `k ${k}, m ${m}`);
  }
});

test('values behind GELU get the official codes where the positive step is a power of two of the negative one', () => {
  const file = goldenFile('ptq4vit_twin_gelu.json');
  if (!file) return leftOut(12, 'the vectors ptq4vit_twin_gelu.json are absent');
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly { k: number; a_interval: number; a_neg_interval: number; x: readonly number[]; q_pos: readonly number[]; q_neg: readonly number[] }[] };
  let compared = 0;
  for (const { k, a_interval, a_neg_interval, x, q_pos, q_neg } of cases) {
    // The official steps are free: each side is compared at its own step.
    const twin = { bits: k, shift: 3, split: 0 };
    const most = 2 ** (k - 1) - 1;
    x.forEach((value, i) => {
      const step = value >= 0 ? a_interval / 8 : a_neg_interval;
      const expected = value >= 0 ? q_pos[i]! * 8 : Math.max(-most, q_neg[i]!);
      assert.is(twinCode(value / step, twin), expected, `${value}`);
      compared++;
    });
  }
  assert.ok(compared > 500);
});

test('one accumulator of shifted magnitudes is the sum of two, the upper one shifted', () => {
  const next = randomNumbers(3);
  for (const twin of [{ bits: 6, shift: 4, split: 31 }, { bits: 8, shift: 5, split: 0 }, { bits: 4, shift: 1, split: 7 }]) {
    const unsigned = twin.split > 0;
    const values = Array.from({ length: 500 }, () => (unsigned ? Math.abs(next()) : next()) * 2 ** (twin.bits - 1 + twin.shift));
    const codes = values.map((value) => twinCode(value, twin));
    const weights = codes.map(() => Math.round(next() * 127));
    let [lower, upper] = [0, 0];
    codes.forEach((code, i) => {
      const byte = flagAndMagnitude(code, twin);
      const isUpper = byte >= 2 ** (twin.bits - 1);
      const magnitude = byte % 2 ** (twin.bits - 1);
      if (isUpper) upper += magnitude * weights[i]!;
      else lower += (unsigned ? magnitude : -magnitude) * weights[i]!;
      assert.is(magnitude * (isUpper ? 2 ** twin.shift : unsigned ? 1 : -1) || 0, code);
    });
    assert.is(codes.reduce((sum, code, i) => sum + code * weights[i]!, 0), lower + (upper << twin.shift));
    assert.ok(codes.every((code) => Math.abs(code) < 2 ** (twinBits(twin) - 1)));
  }
});

test('the scalar of softmax rounds shares to their range', () => {
  const twin = { bits: 6, shift: 3, split: 31 };
  for (let share = 0; share <= 31 * 8; share++) assert.is(twinShare(share, twin.split, twin.shift), share < 31 ? share : Math.min(31, Math.floor(share / 8 + 0.5)) * 8);
});

const shares = planOf({ bits: 6, shift: 4, split: 31 }, 1 / (31 * 16));
const softmax = [
  { shape: [5, 33], axis: 1, output: shares },
  { shape: [3, 7, 2], axis: 1, output: planOf({ bits: 8, shift: 6, split: 127 }, 1 / (127 * 64)) },
  { shape: [2, 9], axis: 1, output: planOf({ bits: 5, shift: 2, split: 15 }, 1 / 60) },
].map(({ shape, axis, output }, i) =>
  lowerCase({ name: `softmax twin ${i}`, op: 'softmax', attributes: { axis, beta: 1 }, inputs: [{ shape, range: [-6, 6] }], output, naive: () => [0] }, 40 + i),
);
const functions = ['gelu', 'silu'].map((name, i) =>
  lowerCase({ name: `${name} twin`, op: 'unary', attributes: { function: name, alpha: 0, beta: 0 }, inputs: [{ shape: [300], range: [-6, 6] }], output: planOf({ bits: 6, shift: 4, split: 0 }, 0.01), naive: () => [0] }, 50 + i),
);

test('softmax writes the nearest code of the range that the exact share lies in', () => {
  for (const one of softmax) {
    const [node] = one.graph.nodes;
    const twin = node!.attributes['twin'] as unknown as { shift: number; split: number };
    const x = one.graph.tensors.get(node!.inputs[0]!)!;
    const scale = (x.real as { scale: readonly number[] }).scale[0]!;
    const { shape } = x;
    const axis = node!.attributes['axis'] as number;
    const steps = node!.attributes['steps'] as number;
    const inputs = firmwareCase(one).inputs[0]!;
    const [codes] = createSimulator(one.graph).run(inputs);
    const stride = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
    const depth = shape[axis]!;
    let upper = 0;
    codes!.forEach((code, flat) => {
      const first = flat - (Math.floor(flat / stride) % depth) * stride;
      const row = Array.from({ length: depth }, (_, i) => Math.exp(scale * inputs[0]![first + i * stride]!));
      const share = (Math.exp(scale * inputs[0]![flat]!) / row.reduce((a, b) => a + b, 0)) * steps;
      const step = code >= twin.split ? 2 ** twin.shift : 1;
      if (step > 1) upper++;
      assert.ok(Math.abs(code - share) <= step / 2 + 1.1, `${code} for ${share}`);
      assert.is(code % step, 0);
    });
    assert.ok(upper > 0 && upper < codes!.length);
  }
});

test('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator([...softmax, ...functions].map(firmwareCase), ['host', 'cortex-m7', 'cortex-m55']);
});

test.run();
