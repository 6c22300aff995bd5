import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Codes } from '../../src/graph/integer.js';
import { ShapeError } from '../../src/errors.js';
import { goldenFile, leftOut } from '../support/bench.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { randomMatmul, type LinearCase } from '../support/linear-cases.js';
import { checkLowering } from '../support/lowering-checks.js';
import { assertClose, evaluateFloat, simulateNode } from '../support/linear-checks.js';
import { requantized } from '../support/linear-oracles.js';

const matmul = suite('matmul');

const SEED = 100;

/** Element [..., row, column] of a tensor whose leading axes are broadcast to `index`. */
function element(values: ArrayLike<number>, shape: readonly number[], index: readonly number[], row: number, column: number): number {
  const own = shape.slice(0, -2);
  const [rows, columns] = shape.slice(-2) as [number, number];
  const matrix = own.reduce((at, d, axis) => at * d + (d === 1 ? 0 : index[index.length - own.length + axis]!), 0);
  return values[(matrix * rows + row) * columns + column]!;
}

/** The product by its definition, row-major. */
function multiply(a: ArrayLike<number>, shapeA: readonly number[], b: ArrayLike<number>, shapeB: readonly number[], output: readonly number[], swapA: boolean, swapB: boolean): number[] {
  const [rows, columns] = output.slice(-2) as [number, number];
  const depth = shapeA[shapeA.length - (swapA ? 2 : 1)]!;
  return Array.from({ length: output.reduce((n, d) => n * d, 1) }, (_, i) => {
    const [row, column] = [Math.floor(i / columns) % rows, i % columns];
    const index = output.slice(0, -2).map((d, axis) => Math.floor(i / output.slice(axis + 1).reduce((n, e) => n * e, 1)) % d);
    let sum = 0;
    for (let k = 0; k < depth; k++) sum += (swapA ? element(a, shapeA, index, k, row) : element(a, shapeA, index, row, k)) * (swapB ? element(b, shapeB, index, column, k) : element(b, shapeB, index, k, column));
    return sum;
  });
}

const FLOAT_CASES: readonly (readonly [number[], number[], boolean, boolean])[] = [
  [[3, 4], [4, 5], false, false],
  [[2, 3, 4], [2, 5, 4], false, true],
  [[2, 1, 4, 3], [3, 4, 5], true, false],
  [[4, 3], [2, 2, 5, 4], true, true],
];

matmul('float equals the plain loops, also with a constant operand', async () => {
  const random = new Random(SEED);
  const values = (n: number) => Float32Array.from({ length: n }, () => 2 * random.next() - 1);
  const size = (shape: readonly number[]) => shape.reduce((n, d) => n * d, 1);
  for (const [shapeA, shapeB, transposeA, transposeB] of FLOAT_CASES) {
    for (const constant of [false, true]) {
      const a = values(2 * size(shapeA));
      const b = values((constant ? 1 : 2) * size(shapeB));
      const { shape, values: actual } = await evaluateFloat('matmul', { transposeA, transposeB }, [{ shape: shapeA, data: a }, { shape: shapeB, data: b, constant }], 2);
      const expected = [0, 1].flatMap((sample) => {
        const part = (v: Float32Array, s: readonly number[], fixed: boolean) => (fixed ? v : v.subarray(sample * size(s), (sample + 1) * size(s)));
        return multiply(part(a, shapeA, false), shapeA, part(b, shapeB, constant), shapeB, shape, transposeA, transposeB);
      });
      assertClose(actual, expected, `[${shapeA}] x [${shapeB}] constant ${constant}`);
    }
  }
});

matmul('depths that differ are a ShapeError', async () => {
  const operands = [{ shape: [3, 4], data: new Float32Array(12) }, { shape: [5, 6], data: new Float32Array(30) }];
  try {
    await evaluateFloat('matmul', { transposeA: false, transposeB: true }, operands, 1);
    assert.unreachable('must throw');
  } catch (error) {
    assert.instance(error, ShapeError);
    assert.match((error as Error).message, /matmul 'node': cannot multiply \[3, 4\] by \[5, 6\] transposed/);
  }
});

function check(one: LinearCase): void {
  const node = one.graph.nodes[0]!;
  const [a, b, y] = [...node.inputs, ...node.outputs].map((id) => one.graph.tensors.get(id)!.shape) as [number[], number[], number[]];
  const [za, zb] = node.attributes['inputZeroPoints'] as unknown as [number, number];
  const [low, high] = node.bounds!.accumulator[0]!;
  for (const [codesA, codesB] of one.inputs as readonly (readonly [Codes, Codes])[]) {
    const centered = (codes: Codes, zero: number) => Array.from(codes, (c) => c - zero);
    const expected = multiply(centered(codesA, za), a, centered(codesB, zb), b, y, node.attributes['transposeA'] === true, node.attributes['transposeB'] === true);
    const { accumulators, codes } = simulateNode(one.graph, [codesA, codesB]);
    assert.equal([...accumulators], expected, `${one.name}: accumulators`);
    assert.equal([...codes], expected.map((sum) => requantized(sum, 0, node.requantize!)), `${one.name}: codes`);
    assert.ok(expected.every((sum) => sum >= low && sum <= high), `${one.name}: bounds`);
  }
}

matmul('simulator equals the plain loops and stays within the bounds', () => {
  const random = new Random(SEED);
  for (let i = 0; i < 150; i++) check(randomMatmul(random, `seed ${SEED} case ${i}`));
});

function square(za: number, zb: number) {
  const builder = new IntegerGraphBuilder('square');
  const inputs = [builder.input('a', [1, 3]), builder.input('b', [3, 1])];
  builder.node('matmul', 'y', inputs, {
    shape: [1, 1],
    attributes: { transposeA: false, transposeB: false, inputZeroPoints: [za, zb] },
    requantize: { mode: 'shift', shift: [8], rounding: 'halfUp', zeroPoint: 0, clamp: [-128, 127] },
  });
  return builder.build(['y']);
}

matmul('bounds are reached', () => {
  for (const [za, zb] of [[0, 0], [-128, 127], [5, -7]] as const) {
    const graph = square(za, zb);
    const reached = [-128, 127].flatMap((a) => [-128, 127].map((b) => simulateNode(graph, [new Int8Array(3).fill(a), new Int8Array(3).fill(b)]).accumulators[0]!));
    assert.equal(graph.nodes[0]!.bounds!.accumulator, [[Math.min(...reached), Math.max(...reached)]]);
  }
});

interface GoldenProduct {
  readonly za: number;
  readonly zb: number;
  readonly zo: number;
  readonly A: readonly (readonly number[])[];
  readonly B: readonly (readonly number[])[];
  readonly mult: number;
  readonly shift: number;
  readonly acc: readonly (readonly number[])[];
  readonly out_double: readonly (readonly number[])[];
}

matmul('arithmetic vectors', () => {
  const file = goldenFile('matmul_affine_int8.json');
  if (!file) return leftOut(8, 'products of the arithmetic vectors: no golden folder');
  const { cases } = JSON.parse(readFileSync(file, 'utf8')) as { cases: readonly GoldenProduct[] };
  for (const golden of cases) {
    const builder = new IntegerGraphBuilder('golden');
    const shapes = [golden.A, golden.B].map((m) => [m.length, m[0]!.length]);
    const inputs = shapes.map((shape, i) => builder.input(i === 0 ? 'a' : 'b', shape));
    builder.node('matmul', 'y', inputs, {
      shape: [shapes[0]![0]!, shapes[1]![1]!],
      attributes: { transposeA: false, transposeB: false, inputZeroPoints: [golden.za, golden.zb] },
      requantize: { mode: 'tfliteDouble', multiplier: [golden.mult], shift: [golden.shift], zeroPoint: golden.zo, clamp: [-128, 127] },
    });
    const { accumulators, codes } = simulateNode(builder.build(['y']), [Int8Array.from(golden.A.flat()), Int8Array.from(golden.B.flat())]);
    assert.equal([...accumulators], golden.acc.flat());
    assert.equal([...codes], golden.out_double.flat());
  }
});

/** A product with a table: x [2, 3] · constant [3, 4]. */
function constantOperand(random: Random): LinearCase {
  const builder = new IntegerGraphBuilder('table');
  const x = builder.input('x', [2, 3]);
  const table = builder.constant('table', [3, 4], random.codes(new Int8Array(12), -128, 127));
  builder.node('matmul', 'y', [x, table], {
    shape: [2, 4],
    attributes: { transposeA: false, transposeB: false, inputZeroPoints: [-3, 5] },
    requantize: { mode: 'dyadicHigh', multiplier: [1 << 23], zeroPoint: -7, clamp: [-128, 127] },
  });
  return { name: 'constant operand', graph: builder.build(['y']), inputs: [0, 1].map(() => [random.codes(new Int8Array(6), -128, 127)]) };
}

matmul('firmware equals the simulator', async () => {
  const random = new Random(SEED + 2);
  const cases = Array.from({ length: 24 }, (_, i) => randomMatmul(random, `seed ${SEED + 2} case ${i}`));
  await expectFirmwareMatchesSimulator([...cases, constantOperand(random)]);
});

matmul('integers stay within half a quantum of float', async () => {
  const random = new Random(SEED + 3);
  for (const [shapeA, shapeB, transposeA, transposeB] of FLOAT_CASES) {
    await checkLowering(random, { op: 'matmul', attributes: { transposeA, transposeB }, inputs: [shapeA, shapeB], constants: [], bits: 'w8a8' });
  }
});

matmul.run();
