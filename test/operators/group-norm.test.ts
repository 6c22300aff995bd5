import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { IntegerGraphError, ShapeError } from '../../src/errors.js';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';
import { checkSimulator, firmwareCase, lowerCase, type LoweredCase } from '../support/operator-cases.js';

const groupNorm = suite('group-norm');
const EPSILON = 1e-4;

/** The definition, element by element: all elements of the own group are looked for anew. */
function naive(x: ArrayLike<number>, channels: number, groups: number, gamma: ArrayLike<number>, beta: ArrayLike<number>): number[] {
  const groupOf = (i: number) => Math.floor(((i % channels) * groups) / channels);
  return Array.from(x, (v, i) => {
    const own = Array.from(x).filter((_, k) => groupOf(k) === groupOf(i));
    const mean = own.reduce((sum, u) => sum + u, 0) / own.length;
    const variance = own.reduce((sum, u) => sum + (u - mean) ** 2, 0) / own.length;
    return ((v - mean) / Math.sqrt(variance + EPSILON)) * gamma[i % channels]! + beta[i % channels]!;
  });
}

/** A layer with constant gamma and beta. */
function lowered(shape: readonly number[], groups: number, seed: number, bits = 8, arith: 'dyadic' | 'tflite' = 'dyadic'): LoweredCase {
  const channels = shape.at(-1)!;
  const random = new Random(seed);
  const values = (low: number, high: number) => Array.from({ length: channels }, () => low + (high - low) * random.next());
  const constants = [values(-1.5, 1.5), values(-1, 1)].map((constant) => ({ shape: [channels], constant, plan: { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 } }));
  const plan = bits > 8 ? { bits, signed: true, scale: 2 ** -12, zeroPoint: 0 } : { bits, signed: seed % 3 !== 0, scale: Math.fround(0.043), zeroPoint: seed % 3 === 0 ? 100 : -9 };
  return lowerCase({
    name: `group-norm [${shape}] in ${groups} of ${bits} bits`,
    op: 'group-norm',
    attributes: { groups, epsilon: EPSILON },
    inputs: [{ shape, plan }, ...constants],
    arith,
    ...(bits > 8 && { output: { bits, signed: true, scale: 2 ** -10, zeroPoint: 0 } }),
    naive: ([x, g, b]) => naive(x!, channels, groups, g!, b!),
  }, seed);
}

const bytes = [lowered([4, 5, 12], 4, 1), lowered([9, 6], 6, 2), lowered([3, 4, 8], 1, 3), lowered([2, 3, 5, 6], 2, 4), lowered([1, 4], 4, 5), lowered([5, 9], 3, 6, 8, 'tflite'), lowered([16, 16, 6], 2, 7), lowered([6, 8], 8, 8, 5)];
const words = [lowered([5, 6, 8], 4, 11, 16), lowered([7, 6], 6, 12, 12)];

groupNorm('float equals the definition', async () => {
  const random = new Random(3);
  const values = (n: number) => Float32Array.from({ length: n }, () => 4 * random.next() - 1);
  for (const [shape, groups] of [[[5, 6], 6], [[4, 2, 6], 2], [[3, 3, 2, 6], 1], [[2, 5, 6], 3]] as const) {
    const elements = shape.reduce<number>((n, d) => n * d, 1);
    const [x, gamma, beta] = [values(2 * elements), values(6), values(6)];
    const operands = [{ shape, data: x }, ...[gamma, beta].map((data) => ({ shape: [6], constant: true, data }))];
    const { values: actual } = await evaluateFloat('group-norm', { groups, epsilon: EPSILON }, operands, 2);
    assertClose(actual, [0, 1].flatMap((i) => naive(x.subarray(i * elements, (i + 1) * elements), 6, groups, gamma, beta)), `[${shape}] in ${groups}`);
  }
});

groupNorm('codes are within 0.6 of the real result, of 12 and 16 bits within 1.5', () => {
  for (const one of bytes) checkSimulator(one, 0.6);
  for (const one of words) checkSimulator(one, 1.5);
});

groupNorm('one group is a layer norm over everything', async () => {
  const random = new Random(3);
  const values = (n: number) => Float32Array.from({ length: n }, () => 4 * random.next() - 1);
  const [x, gamma, beta] = [values(2 * 30), values(5), values(5)];
  const all = (data: Float32Array) => Float32Array.from({ length: 30 }, (_, i) => data[i % 5]!);
  const constant = (shape: readonly number[], data: Float32Array) => ({ shape, constant: true, data });
  const { values: actual } = await evaluateFloat('group-norm', { groups: 1, epsilon: EPSILON }, [{ shape: [2, 3, 5], data: x }, constant([5], gamma), constant([5], beta)], 2);
  const { values: expected } = await evaluateFloat('layer-norm', { axis: 0, epsilon: EPSILON }, [{ shape: [2, 3, 5], data: x }, constant([2, 3, 5], all(gamma)), constant([2, 3, 5], all(beta))], 2);
  assertClose(actual, expected, 'one group');
});

groupNorm('an input without positions and groups that do not divide are ShapeErrors', async () => {
  const refused = async (shape: readonly number[], groups: number, message: RegExp) => {
    const vector = { shape: [3], constant: true, data: new Float32Array(3) };
    try {
      await evaluateFloat('group-norm', { groups, epsilon: 1e-5 }, [{ shape, data: new Float32Array(shape.reduce((n, d) => n * d, 1)) }, vector, vector], 1);
    } catch (error) {
      assert.instance(error, ShapeError);
      assert.match((error as Error).message, message);
      return;
    }
    assert.unreachable('must throw');
  };
  await refused([3], 3, /group-norm 'node': the input must have channels/);
  await refused([2, 3], 2, /group-norm 'node': 3 channels do not make 2 equal groups/);
});

groupNorm('groups whose sums leave their words are refused', () => {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [70000, 2]);
  builder.node('group-norm', 'y', [x, builder.constant('gain', [2], new Int16Array(2)), builder.constant('offset', [2], new Int32Array(2))], {
    shape: [70000, 2],
    attributes: { groups: 2, fractionBits: 7, epsilon: 0 },
    requantize: { mode: 'shift', shift: [8], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
  });
  assert.throws(() => builder.build(['y']), (error: unknown) => error instanceof IntegerGraphError && /70000 codes and its fraction leave 32 bits/.test(error.message));
});

groupNorm('firmware equals the simulator', async () => {
  const cases = [...bytes, ...words].map(firmwareCase);
  assert.is(countFamily(cases, 'dsp', 'cortex-m7'), bytes.length);
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m7', 'cortex-m55', 'rv32imc']);
});

groupNorm.run();
