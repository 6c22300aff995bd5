/** Every operator that sums, copies or looks up, on activations of 9 to 16 bits: symmetric codes with zero point 0, −32768 included. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { interpolate } from '../../sim/scalar/interpolate.js';
import { createSimulator } from '../../sim/index.js';
import type { ActivationPlan } from '../../src/operators/lower.js';
import { unaryScalar, type UnaryFunction } from '../../src/operators/unary-functions.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { broadcast, pool } from '../support/naive.js';
import { checkSimulator, firmwareCase, lowerCase, type LoweredCase, type OperatorCase } from '../support/operator-cases.js';

const int16 = suite('activations of 16 bits');

function wide(largest: number, bits = 16): ActivationPlan {
  return { bits, signed: true, scale: Math.fround(largest / (2 ** (bits - 1) - 1)), zeroPoint: 0 };
}

const byte: ActivationPlan = { bits: 8, signed: true, scale: 0.011, zeroPoint: -40 };
const shape = [3, 4, 6];
const none = { activation: null };
const relu = { activation: { min: 0, max: Infinity } };
const sum = broadcast(shape, shape, (a, b) => a + b);
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** The case, and by how many codes it may be off: half a code, and what 15-bit multipliers or knots add. */
type Row = readonly [one: OperatorCase, quanta: number];

function row(quanta: number, one: Omit<OperatorCase, 'name'>): Row {
  return [{ name: `${one.op} ${JSON.stringify(one.attributes)}`, ...one }, quanta];
}

const x = { shape, plan: wide(3) };
const rows: readonly Row[] = [
  row(2.1, { op: 'add', attributes: none, inputs: [x, { shape, plan: wide(1.7) }], output: wide(4.7), naive: sum }),
  row(0.6, { op: 'add', attributes: relu, inputs: [x, { shape, plan: byte }], output: byte, naive: broadcast(shape, shape, (a, b) => Math.max(0, a + b)) }),
  row(2.1, { op: 'sub', attributes: none, inputs: [x, { shape, plan: wide(2, 11) }], output: wide(5), naive: broadcast(shape, shape, (a, b) => a - b) }),
  row(0.6, { op: 'mul', attributes: none, inputs: [x, { shape, plan: wide(2) }], output: wide(6), naive: broadcast(shape, shape, (a, b) => a * b) }),
  row(0.6, { op: 'mul', attributes: none, inputs: [x, { shape, plan: byte }], output: wide(5), naive: broadcast(shape, shape, (a, b) => a * b) }),
  row(0.6, { op: 'clamp', attributes: { min: -0.5, max: 2 }, inputs: [x], output: wide(2), naive: ([v]) => Array.from(v!, (a) => Math.min(2, Math.max(-0.5, a))) }),
  row(0.6, { op: 'average-pool2d', attributes: { kernel: [2, 2], strides: [1, 2], pad: [1, 0, 0, 0], countIncludePad: false, ...none }, inputs: [x], output: wide(3), naive: pool(shape, { kernel: [2, 2], strides: [1, 2], pad: [1, 0, 0, 0] }, mean) }),
  row(0, { op: 'max-pool2d', attributes: { kernel: [2, 2], strides: [1, 1], pad: [0, 0, 0, 0], ...none }, inputs: [x], output: x.plan, naive: pool(shape, { kernel: [2, 2], strides: [1, 1], pad: [0, 0, 0, 0] }, (v) => Math.max(...v)) }),
  row(0.6, { op: 'reduce', attributes: { function: 'mean', axes: [0, 1, 2], keepDims: false }, inputs: [x], output: wide(3), naive: ([v]) => [mean(Array.from(v!))] }),
  row(0.6, { op: 'reduce', attributes: { function: 'sum', axes: [0, 1, 2], keepDims: false }, inputs: [x], output: wide(216), naive: ([v]) => [72 * mean(Array.from(v!))] }),
  row(0, { op: 'concat', attributes: { axis: 0 }, inputs: [x, x], output: x.plan, naive: ([a, b]) => [...Array.from(a!), ...Array.from(b!)] }),
  row(0.6, { op: 'concat', attributes: { axis: 0 }, inputs: [x, { shape, plan: byte }], output: x.plan, naive: ([a, b]) => [...Array.from(a!), ...Array.from(b!)] }),
  row(0, { op: 'pad', attributes: { mode: 'constant', amounts: [[0, 0], [1, 2], [0, 1]], value: 0 }, inputs: [x], output: x.plan, naive: padded }),
  row(0, { op: 'transpose', attributes: { permutation: [1, 0, 2] }, inputs: [x], output: x.plan, naive: ([v]) => transposed(v!) }),
  row(0, { op: 'slice', attributes: { starts: [1, 0, 2], sizes: [2, 4, 3], steps: [1, 1, 1] }, inputs: [x], output: x.plan, naive: ([v]) => Array.from(v!).filter((_, i) => i >= 24 && i % 6 >= 2 && i % 6 < 5) }),
  row(0.6, { op: 'resize', attributes: { mode: 'linear', sizes: [3, 7], coordinates: 'asymmetric', nearestMode: 'floor' }, inputs: [x], output: x.plan, naive: stretched }),
  row(0.6, { op: 'matmul', attributes: { transposeA: false, transposeB: false }, inputs: [{ shape: [3, 8], plan: wide(1, 14) }, { shape: [8, 5], plan: wide(2, 14) }], output: wide(16), naive: ([a, b]) => product(a!, b!) }),
  row(0.55, { op: 'softmax', attributes: { axis: 2, beta: 1 }, inputs: [{ shape, plan: { ...wide(127, 16), scale: Math.fround(Math.fround(0.04) / 258) } }], naive: softmaxOfBytes }),
];

/** Half a code of the knots, half a code of rounding, and |f''|·spacing²/8 of the line, where the spacing is 8/512. */
const functions: readonly (readonly [UnaryFunction, number])[] = [['sigmoid', 1.1], ['tanh', 1.77], ['gelu', 1.2], ['hard-swish', 1.09], ['abs', 1], ['leaky-relu', 1], ['square', 1.13]];
const lines: readonly Row[] = functions.map(([name, quanta]) => {
  const fixed = name === 'sigmoid' || name === 'tanh' ? { bits: 16, signed: true, scale: 1 / 32768, zeroPoint: 0 } : wide(name === 'square' ? 16.1 : 4.01);
  return row(quanta, { op: 'unary', attributes: { function: name, alpha: 0.1, beta: 0 }, inputs: [{ shape: [40, 20], plan: wide(4) }], output: fixed, naive: ([v]) => Array.from(v!, (a) => unaryScalar(name, a, 0.1, 0)) });
});
const narrowLines: readonly Row[] = [9, 10, 13].map((bits) =>
  row(1.1, { op: 'unary', attributes: { function: 'sigmoid', alpha: 0, beta: 0 }, inputs: [{ shape: [40], plan: wide(4, bits) }], output: { bits: 16, signed: true, scale: 1 / 32768, zeroPoint: 0 }, naive: ([v]) => Array.from(v!, (a) => unaryScalar('sigmoid', a, 0, 0)) }),
);

function padded([v]: readonly ArrayLike<number>[]): readonly number[] {
  return Array.from({ length: 3 * 7 * 7 }, (_, i) => {
    const [y, column, c] = [Math.floor(i / 49), (Math.floor(i / 7) % 7) - 1, i % 7];
    return column >= 0 && column < 4 && c < 6 ? v![(y * 4 + column) * 6 + c]! : 0;
  });
}

function transposed(v: ArrayLike<number>): readonly number[] {
  return Array.from({ length: 72 }, (_, i) => v[((Math.floor(i / 6) % 3) * 4 + Math.floor(i / 18)) * 6 + (i % 6)]!);
}

/** Width 4 to 7: output column o lies at 4·o/7. */
function stretched([v]: readonly ArrayLike<number>[]): readonly number[] {
  return Array.from({ length: 3 * 7 * 6 }, (_, i) => {
    const [y, o, c] = [Math.floor(i / 42), Math.floor(i / 6) % 7, i % 6];
    const low = Math.floor((4 * o) / 7);
    const part = (4 * o) / 7 - low;
    const at = (column: number) => v![(y * 4 + Math.min(3, column)) * 6 + c]!;
    return (1 - part) * at(low) + part * at(low + 1);
  });
}

function product(a: ArrayLike<number>, b: ArrayLike<number>): readonly number[] {
  return Array.from({ length: 15 }, (_, i) => [0, 1, 2, 3, 4, 5, 6, 7].reduce((total, k) => total + a[Math.floor(i / 5) * 8 + k]! * b[k * 5 + (i % 5)]!, 0));
}

/** Of the values that the 8-bit codes in between stand for. */
function softmaxOfBytes([v]: readonly ArrayLike<number>[]): readonly number[] {
  const scale = Math.fround((Math.fround(Math.fround(0.04) / 258) * 32767) / 127);
  const values = Array.from(v!, (value) => scale * Math.max(-128, Math.min(127, Math.round(value / scale))));
  return values.map((value, i) => {
    const first = i - (i % 6);
    return Math.exp(value) / values.slice(first, first + 6).reduce((total, other) => total + Math.exp(other), 0);
  });
}

const cases: readonly (readonly [LoweredCase, number])[] = [...rows, ...lines, ...narrowLines].map(([one, quanta], i) => [lowerCase(one, 1600 + i), quanta]);

int16('every code lies within its quanta of the real result', () => {
  for (const [one, quanta] of cases) checkSimulator(one, quanta);
});

int16('copies reach the simulator in int16 lanes', () => {
  const [one] = cases.find(([{ one: { op } }]) => op === 'transpose')!;
  assert.ok(createSimulator(one.graph).run(one.inputs[0]!)[0] instanceof Int16Array);
});

int16('interpolation against fractions of bigints, knots at the ends of int16 included', () => {
  const random = new Random(5);
  for (let i = 0; i < 20000; i++) {
    const [left, right] = [0, 1].map(() => random.pick([-32768, 32767, random.integer(-32768, 32767)])) as [number, number];
    const places = random.integer(0, 7);
    const part = random.integer(0, 2 ** places - 1);
    const scaled = BigInt(right - left) * BigInt(part) * 2n + 2n ** BigInt(places);
    const divisor = 2n ** BigInt(places + 1);
    const floor = scaled >= 0n ? scaled / divisor : -((-scaled + divisor - 1n) / divisor);
    assert.is(interpolate(left, right, part, places), left + Number(floor), `${left} ${right} ${part}/2^${places}`);
  }
});

int16('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(cases.map(([one]) => firmwareCase(one)), ['host', 'cortex-m7', 'cortex-m0plus', 'cortex-m55']);
});

int16.run();
