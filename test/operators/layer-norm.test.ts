import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createSimulator } from '../../sim/index.js';
import { integerSquareRoot } from '../../sim/scalar/layer-norm.js';
import { IntegerGraphError, ShapeError } from '../../src/errors.js';
import { layerNormConstants } from '../../src/operators/layer-norm-integer.js';
import { countFamily } from '../support/dsp-cases.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator, type FirmwareCase } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { assertClose, evaluateFloat } from '../support/linear-checks.js';
import { checkSimulator, firmwareCase, lowerCase, type LoweredCase } from '../support/operator-cases.js';

const layerNorm = suite('layer-norm');

/** (x − mean)/sqrt(variance + epsilon) of one group of values. */
function normalized(values: readonly number[], epsilon: number): number[] {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
  return values.map((v) => (v - mean) / Math.sqrt(variance + epsilon));
}

layerNorm('float equals the definition', async () => {
  const random = new Random(2);
  for (const [shape, axis] of [[[6], 0], [[4, 6], 1], [[2, 3, 4], 1], [[2, 3, 4], 2]] as const) {
    const group = shape.slice(axis).reduce((n, d) => n * d, 1);
    const values = (n: number) => Float32Array.from({ length: n }, () => 3 * random.next() + 5);
    const [x, gamma, beta] = [values(2 * shape.reduce<number>((n, d) => n * d, 1)), values(group), values(group)];
    const parameter = (data: Float32Array) => ({ shape: shape.slice(axis), constant: true, data });
    for (const count of [0, 1, 2]) {
      const operands = [{ shape, data: x }, ...[gamma, beta].slice(0, count).map(parameter)];
      const { values: actual } = await evaluateFloat('layer-norm', { axis, epsilon: 1e-3 }, operands, 2);
      const expected = Array.from({ length: x.length / group }, (_, i) => normalized([...x.subarray(i * group, (i + 1) * group)], 1e-3)).flat();
      assertClose(actual, expected.map((v, i) => v * (count > 0 ? gamma[i % group]! : 1) + (count > 1 ? beta[i % group]! : 0)), `[${shape}] axis ${axis}, ${count} parameters`);
    }
  }
});

layerNorm('an axis outside the input is a ShapeError', async () => {
  try {
    await evaluateFloat('layer-norm', { axis: 2, epsilon: 1e-5 }, [{ shape: [2, 3], data: new Float32Array(6) }], 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /layer-norm 'node': axis 2/);
  }
});

/** A layer with constant gamma and beta; both are left out where the seed is even. */
function lowered(shape: readonly number[], axis: number, seed: number, bits = 8, arith: 'dyadic' | 'tflite' = 'dyadic'): LoweredCase {
  const depth = shape.slice(axis).reduce((n, d) => n * d, 1);
  const random = new Random(seed);
  const values = (low: number, high: number) => Array.from({ length: depth }, () => low + (high - low) * random.next());
  const [gamma, beta] = [values(-1.5, 1.5), values(-1, 1)];
  const constants = seed % 2 === 0 ? [] : [gamma, beta].map((constant) => ({ shape: shape.slice(axis), constant, plan: { bits: 16, signed: true, scale: 2 ** -13, zeroPoint: 0 } }));
  const plan = bits > 8 ? { bits, signed: true, scale: 2 ** -12, zeroPoint: 0 } : { bits, signed: seed % 3 !== 0, scale: Math.fround(0.043), zeroPoint: seed % 3 === 0 ? 100 : -9 };
  return lowerCase({
    name: `layer-norm [${shape}] axis ${axis} of ${bits} bits`,
    op: 'layer-norm',
    attributes: { axis, epsilon: 1e-5 },
    inputs: [{ shape, plan }, ...constants],
    arith,
    ...(bits > 8 && { output: { bits, signed: true, scale: 2 ** -11, zeroPoint: 0 } }),
    naive: ([x, g, b]) => Array.from({ length: x!.length / depth }, (_, i) => normalized(Array.from(x!).slice(i * depth, (i + 1) * depth), 1e-5)).flat().map((v, i) => v * (g ? g[i % depth]! : 1) + (b ? b[i % depth]! : 0)),
  }, seed);
}

const bytes = [lowered([5, 48], 1, 1), lowered([2, 3, 8], 2, 2), lowered([4, 9], 0, 3), lowered([7, 96], 1, 4), lowered([3, 1], 1, 5), lowered([2, 3, 2], 1, 6), lowered([3, 33], 1, 7, 8, 'tflite'), lowered([2, 200], 1, 9, 5)];
const words = [lowered([3, 64], 1, 11, 16), lowered([2, 30], 1, 12, 12)];

layerNorm('codes are within 0.6 of the real result, of 12 and 16 bits within 1.5', () => {
  for (const one of bytes) checkSimulator(one, 0.6);
  for (const one of words) checkSimulator(one, 1.5);
});

layerNorm('the square root is exact for 32 bits', () => {
  const random = new Random(8);
  const values = [0, 1, 2, 3, 4, 2 ** 30 - 1, 2 ** 31, 2 ** 32 - 1, ...Array.from({ length: 20000 }, () => random.integer(0, 2 ** 31 - 1) * 2 + random.integer(0, 1))];
  for (const v of values) assert.is(integerSquareRoot(v | 0), Math.floor(Math.sqrt(v)), String(v));
  const file = goldenFile('isqrt32.json');
  if (!file) return leftOut(1, 'vectors of the square root');
  for (const [v, root] of JSON.parse(readFileSync(file, 'utf8')).cases as number[][]) assert.is(integerSquareRoot(v! | 0), root!);
});

interface Golden {
  readonly bits: number;
  readonly C: number;
  readonly s: number;
  readonly eps: number;
  readonly in: readonly number[];
  readonly gamma: readonly number[];
  readonly beta: readonly number[];
  readonly s_out: number;
  readonly z_out: number;
  readonly f: number;
  readonly eps_int: number;
  readonly g: number;
  readonly G: readonly number[];
  readonly B: readonly number[];
  readonly out_q: readonly number[];
}

function goldenCase(c: Golden, i: number): FirmwareCase {
  const builder = new IntegerGraphBuilder();
  const x = builder.input('x', [1, c.C], { bits: c.bits });
  builder.node('layer-norm', 'y', [x, builder.constant('gain', [c.C], Int16Array.from(c.G)), builder.constant('offset', [c.C], Int32Array.from(c.B))], {
    shape: [1, c.C],
    attributes: { axis: 1, fractionBits: c.f, epsilon: c.eps_int },
    requantize: { mode: 'shift', shift: [c.g], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
  });
  return { name: `golden ${i}`, graph: builder.build(['y']), inputs: [[c.bits === 8 ? Int8Array.from(c.in) : Int16Array.from(c.in)]] };
}

layerNorm('constants, codes and firmware equal the independent definition', async () => {
  const file = goldenFile('P_layernorm.json');
  if (!file) return leftOut(1, 'vectors of layer normalization');
  const cases = JSON.parse(readFileSync(file, 'utf8')).cases as Golden[];
  const firmware = cases.map((c, i) => {
    const plan = (bits: number, scale: number, zeroPoint: number) => ({ bits, signed: true, scale, zeroPoint });
    const made = layerNormConstants(plan(c.bits, c.s, 0), plan(8, c.s_out, c.z_out), c.eps, c.gamma, c.beta);
    assert.equal([made.fractionBits, made.epsilon, made.shift, [...made.gain], [...made.offset]], [c.f, c.eps_int, c.g, c.G, c.B], `constants of case ${i}`);
    const one = goldenCase(c, i);
    assert.equal([...createSimulator(one.graph).run(one.inputs[0]!)[0]!], c.out_q, `codes of case ${i}`);
    return one;
  });
  assert.ok(firmware.length > 10);
  await expectFirmwareMatchesSimulator(firmware, ['host', 'rv32imc']);
});

layerNorm('firmware equals the simulator', async () => {
  const cases = [...bytes, ...words].map(firmwareCase);
  const inWords = bytes.filter(({ graph }) => graph.tensors.get(graph.nodes[0]!.inputs[1]!)!.shape[0]! >= 4);
  assert.is(countFamily(cases, 'dsp', 'cortex-m7'), inWords.length);
  assert.is(countFamily(cases, 'mve', 'cortex-m55'), bytes.length);
  await expectFirmwareMatchesSimulator(cases, ['host', 'cortex-m7', 'cortex-m55']);
});

layerNorm('sums that leave their words are refused', () => {
  const builder = new IntegerGraphBuilder();
  const depth = 70000;
  const x = builder.input('x', [depth]);
  builder.node('layer-norm', 'y', [x, builder.constant('gain', [depth], new Int16Array(depth)), builder.constant('offset', [depth], new Int32Array(depth))], {
    shape: [depth],
    attributes: { axis: 0, fractionBits: 7, epsilon: 0 },
    requantize: { mode: 'shift', shift: [8], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
  });
  assert.throws(() => builder.build(['y']), (error: unknown) => error instanceof IntegerGraphError && /leave 32 bits/.test(error.message));
});

layerNorm.run();
