import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerNode, Requantize } from '../../src/graph/integer.js';
import { type VectorKind, type VectorRequantize, vectorRequantize } from '../../src/operators/mve/requantize.js';
import { Random } from '../support/integer-graphs.js';
import { randomRequantize } from '../support/linear-cases.js';
import { requantized } from '../support/linear-oracles.js';

const requantize = suite('mve requantize');

const SEED = 32;
const ENDS = [0, 1, -1, 2, -2, 2 ** 31 - 1, -(2 ** 31), 2 ** 30, -(2 ** 30)];

function saturate(x: bigint): bigint {
  return x > 2n ** 31n - 1n ? 2n ** 31n - 1n : x < -(2n ** 31n) ? -(2n ** 31n) : x;
}

/** What the instructions compute, lane by lane (Armv8-M Architecture Reference Manual). */
function execute({ kind, zeroPoint, clamp, channels }: VectorRequantize, accumulator: number): number {
  const { multiplier, shift } = channels[0]!;
  const product = BigInt(accumulator) * BigInt(multiplier);
  const high = { round: (product + 2n ** 31n) >> 32n, floor: product >> 32n, double: saturate((2n * product + 2n ** 31n) >> 32n) };
  const value = kind === 'round' || kind === 'floor' ? high[kind] : high.double;
  const sign = value < 0n && (kind === 'away' || (kind === 'mixed' && shift > 0)) ? 1n : 0n;
  const shifted = shift === 0 ? value - sign : (value - sign + 2n ** BigInt(shift - 1)) >> BigInt(shift);
  const code = saturate(shifted + BigInt(zeroPoint));
  return Math.min(Math.max(Number(code), clamp[0]), clamp[1]);
}

function nodeWith(r: Requantize): IntegerNode {
  const origin = { file: 'f', format: 'builder', nodeName: 'n', opType: 't' } as const;
  return { id: 'n', op: 'dense', inputs: [], outputs: [], attributes: {}, requantize: r, bounds: { accumulator: [[-(2 ** 31), 2 ** 31 - 1]], accumulatorBits: 32 }, origin };
}

requantize('every form equals the scalar functions', () => {
  const random = new Random(SEED);
  const seen = new Map<VectorKind, number>();
  for (let i = 0; i < 4000; i++) {
    const reach = 2 ** random.integer(8, 30);
    const r = randomRequantize(random, 1, reach, random.pick([{ bits: 8 }, { bits: 8, signed: false }]));
    const form = vectorRequantize(nodeWith(r), 1);
    if (!form) continue;
    seen.set(form.kind, (seen.get(form.kind) ?? 0) + 1);
    const accumulators = [...ENDS.filter((x) => Math.abs(x) <= reach), reach, -reach, ...Array.from({ length: 20 }, () => random.integer(-reach, reach))];
    for (const x of accumulators) assert.is(execute(form, x), requantized(x, 0, r), `${JSON.stringify(r)} of ${x}`);
  }
  for (const kind of ['round', 'floor', 'double', 'away'] as const) assert.ok((seen.get(kind) ?? 0) > 100, `${kind}: ${seen.get(kind)}`);
});

requantize('channels with and without a shift share the form that tells them apart', () => {
  const r: Requantize = { mode: 'tfliteDouble', multiplier: [2 ** 30 + 12345, 2 ** 30 + 999], shift: [0, -3], zeroPoint: 5, clamp: [-128, 127] };
  const form = vectorRequantize(nodeWith(r), 2)!;
  assert.is(form.kind, 'mixed');
  for (let x = -600; x <= 600; x++) {
    for (const channel of [0, 1]) assert.is(execute({ ...form, channels: [form.channels[channel]!] }, x), requantized(x, channel, r));
  }
});

requantize('modes without a form are left to others', () => {
  const end = { zeroPoint: 0, clamp: [-128, 127] } as const;
  assert.is(vectorRequantize(nodeWith({ mode: 'shift', shift: [4], rounding: 'halfEven', ...end }), 1), null);
  assert.is(vectorRequantize(nodeWith({ mode: 'tfliteDouble', multiplier: [2 ** 30], shift: [2], ...end }), 1), null);
  assert.is(vectorRequantize(nodeWith({ mode: 'dyadic', multiplier: [2 ** 31 - 1], shift: [20], ...end }), 1), null);
});

requantize.run();
