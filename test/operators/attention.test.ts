/** Attention as one step, in both families: the same bits as its three layers, and never a whole tensor of scores. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { foldableRequantize } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../support/integer-graphs.js';
import { type LinearCase, samples } from '../support/linear-cases.js';

const attention = suite('attention');
const BYTE = { bits: 8 };

interface Sizes {
  readonly heads: readonly number[];
  readonly rows: number;
  readonly length: number;
  readonly depth: number;
  readonly columns: number;
}

function network(random: Random, name: string, { heads, rows, length, depth, columns }: Sizes): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const [swapKeys, swapValues] = [random.next() < 0.5, random.next() < 0.3];
  const shapes = [[...heads, rows, depth], [...heads, ...(swapKeys ? [length, depth] : [depth, length])], [...heads, ...(swapValues ? [columns, length] : [length, columns])]];
  const ids = shapes.map((shape, i) => builder.input(['query', 'keys', 'values'][i]!, shape, BYTE));
  const scores = builder.node('matmul', 'scores', [ids[0]!, ids[1]!], {
    attributes: { transposeA: false, transposeB: swapKeys, inputZeroPoints: [random.integer(-9, 9), random.integer(-9, 9)] },
    requantize: foldableRequantize(random, 1, depth * 2000, BYTE),
    shape: [...heads, rows, length],
    output: BYTE,
  });
  const rate = 0.02 + 0.1 * random.next();
  const table = builder.constant('exponentials', [256], Uint16Array.from({ length: 256 }, (_, d) => Math.round(32768 * Math.exp(-rate * d))));
  const shares = builder.node('softmax', 'shares', [scores, table], { attributes: { variant: 'dyadic', axis: heads.length + 1, steps: 256, outputZeroPoint: -128 }, shape: [...heads, rows, length], output: BYTE });
  builder.node('matmul', 'y', [shares, ids[2]!], {
    attributes: { transposeA: false, transposeB: swapValues, inputZeroPoints: [-128, random.integer(-9, 9)] },
    requantize: foldableRequantize(random, 1, 256 * 60, BYTE),
    shape: [...heads, rows, columns],
    output: BYTE,
  });
  const lists = shapes.map((shape) => samples(random, BYTE, shape.reduce((n, d) => n * d, 1), 4));
  return { name, graph: builder.build(['y']), inputs: [0, 1, 2, 3].map((v) => lists.map((list, i) => list[(v + i) % 4]!)) };
}

/** Scores are by far the largest tensor, so that the least memory is without them. */
function cases(): readonly LinearCase[] {
  const random = new Random(77);
  const sizes: readonly Sizes[] = [
    { heads: [4], rows: 33, length: 33, depth: 8, columns: 8 },
    { heads: [], rows: 100, length: 90, depth: 4, columns: 6 },
    { heads: [2, 3], rows: 20, length: 41, depth: 5, columns: 7 },
    { heads: [6], rows: 9, length: 64, depth: 12, columns: 4 },
    { heads: [3], rows: 65, length: 65, depth: 32, columns: 32 },
  ];
  return [...sizes, ...sizes].map((size, i) => network(random, `attention ${i}`, size));
}

const count = (graph: IntegerGraph, ids: readonly string[]) => ids.reduce((sum, id) => sum + graph.tensors.get(id)!.shape.reduce((n, d) => n * d, 1), 0);
/** Less than what lives while the first layer alone computes all scores. */
const budget = (graph: IntegerGraph) => count(graph, ['query', 'keys', 'values', 'scores']) - 1;

attention('equals the simulator in the least memory', async () => {
  const all = cases();
  const options = { ...DEFAULT_SCHEDULE_OPTIONS, optimize: 'ram' } as const;
  for (const target of ['cortex-m7', 'rv32imc']) {
    for (const { graph } of all) {
      const { steps, arena } = buildSchedule(graph, findTarget(target), options);
      assert.is(steps.length, 1);
      assert.ok(arena.bytes < budget(graph));
    }
  }
  await expectFirmwareMatchesSimulator(all, ['cortex-m7', 'rv32imc'], { optimize: 'ram' });
});

for (const [target, family] of [['cortex-m7', 'dsp'], ['cortex-m55', 'mve']] as const) {
  attention(`where the budget leaves memory for strips, kernels of family ${family} compute them`, async () => {
    let strips = 0;
    for (const one of cases().slice(0, 5)) {
      const options = { optimize: 'ram', ramBudget: budget(one.graph) } as const;
      const { steps } = buildSchedule(one.graph, findTarget(target), { ...DEFAULT_SCHEDULE_OPTIONS, ...options });
      if (steps.length !== 1 || steps[0]!.kernel.family !== family) continue;
      strips++;
      await expectFirmwareMatchesSimulator([one], [target], options);
    }
    assert.ok(strips >= 3, String(strips));
  });
}

attention.run();
