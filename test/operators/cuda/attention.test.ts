/** Attention as one kernel on tensor cores: one and several tiles, keys and values either way round, tables and shifts, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Codes } from '../../../src/graph/integer.js';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { foldableRequantize } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random, type TensorOptions } from '../../support/integer-graphs.js';
import { samples } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('attention on CUDA');
const SIGNED: TensorOptions = { bits: 8 };
const UNSIGNED: TensorOptions = { bits: 8, signed: false };

interface Plan {
  readonly heads: readonly number[];
  readonly rows: number;
  readonly length: number;
  readonly depth: number;
  readonly columns: number;
  readonly swapKeys: boolean;
  readonly swapValues: boolean;
  readonly byShifts: boolean;
  readonly types: readonly [TensorOptions, TensorOptions, TensorOptions];
}

function network(random: Random, { heads, rows, length, depth, columns, swapKeys, swapValues, byShifts, types }: Plan) {
  const builder = new IntegerGraphBuilder();
  const shapes = [[...heads, rows, depth], [...heads, ...(swapKeys ? [length, depth] : [depth, length])], [...heads, ...(swapValues ? [columns, length] : [length, columns])]];
  const [query, keys, values] = shapes.map((shape, i) => builder.input(['query', 'keys', 'values'][i]!, shape, types[i]!)) as [string, string, string];
  const zero = (i: number) => (types[i]!.signed === false ? random.integer(0, 255) : random.integer(-128, 127));
  const scores = builder.node('matmul', 'scores', [query, keys], {
    attributes: { transposeA: false, transposeB: swapKeys, inputZeroPoints: [zero(0), zero(1)] },
    requantize: foldableRequantize(random, 1, depth * 2000, SIGNED),
    shape: [...heads, rows, length],
    output: SIGNED,
  });
  const axis = heads.length + 1;
  const table = Uint16Array.from({ length: 256 }, (_, d) => Math.round(32768 * Math.exp(-0.06 * d)));
  const shares = byShifts
    ? builder.node('shiftmax', 'shares', [scores], { attributes: { axis, outputZeroPoint: -128, places: 3, unit: 201, exponentBits: 13, fractionBits: 8 }, shape: [...heads, rows, length], output: SIGNED })
    : builder.node('softmax', 'shares', [scores, builder.constant('exponentials', [256], table)], { attributes: { variant: 'dyadic', axis, steps: 256, outputZeroPoint: -128 }, shape: [...heads, rows, length], output: SIGNED });
  builder.node('matmul', 'y', [shares, values], {
    attributes: { transposeA: false, transposeB: swapValues, inputZeroPoints: [-128, zero(2)] },
    requantize: foldableRequantize(random, 1, 256 * 60, SIGNED),
    shape: [...heads, rows, columns],
    output: SIGNED,
  });
  const codes = shapes.map((shape, i) => samples(random, types[i]!, shape.reduce((n, d) => n * d, 1), VECTORS));
  return { graph: builder.build(['y']), inputs: Array.from({ length: VECTORS }, (_, v): readonly Codes[] => codes.map((list) => list[v]!)) };
}

const VECTORS = 3;

const PLANS: readonly Plan[] = [
  { heads: [2], rows: 5, length: 70, depth: 16, columns: 12, swapKeys: true, swapValues: false, byShifts: false, types: [SIGNED, SIGNED, SIGNED] },
  { heads: [], rows: 70, length: 9, depth: 40, columns: 64, swapKeys: false, swapValues: true, byShifts: false, types: [UNSIGNED, SIGNED, UNSIGNED] },
  { heads: [3], rows: 7, length: 33, depth: 3, columns: 5, swapKeys: true, swapValues: true, byShifts: true, types: [SIGNED, UNSIGNED, SIGNED] },
  { heads: [2], rows: 65, length: 128, depth: 64, columns: 33, swapKeys: false, swapValues: false, byShifts: true, types: [SIGNED, SIGNED, UNSIGNED] },
];

test('is one kernel, and equals the simulator', async () => {
  const random = new Random(51);
  const cases = PLANS.map((plan) => network(random, plan));
  const graph = mergeGraphs(cases.map((one) => one.graph));
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.template), PLANS.map(() => 'attention-tiles'));
  await expectFirmwareMatchesSimulator([{ name: 'attention', graph, inputs: Array.from({ length: VECTORS }, (_, v) => cases.flatMap(({ inputs }) => inputs[v]!)) }], ['cuda']);
});

test('heads too large for shared memory keep their three steps', () => {
  const { graph } = network(new Random(52), { ...PLANS[0]!, length: 449 });
  assert.equal(buildSchedule(graph, findTarget('cuda')).steps.length, 3);
});

test.run();
