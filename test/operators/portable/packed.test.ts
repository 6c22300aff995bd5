/** Packed weights on cores without SIMD: random layers of every width, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import type { LinearCase } from '../../support/linear-cases.js';
import { extremeWeights, NARROW, portableConvolution, portableDense, portableDepthwise, type WeightBits } from '../../support/portable-cases.js';

const packed = suite('portable kernels with packed weights');

const SEED = 470;
const TARGETS = ['cortex-m0plus', 'rv32imc', 'host'];
const OPTIONS = { kernels: 'portable', weights: 'packed' } as const;

async function check(cases: readonly LinearCase[], stem: string, leastShare: number): Promise<void> {
  const options = { ...DEFAULT_SCHEDULE_OPTIONS, ...OPTIONS };
  const taken = cases.filter(({ graph }) => buildSchedule(graph, findTarget('cortex-m0plus'), options).steps.some((s) => s.kernel.stem.includes(stem)));
  assert.ok(taken.length >= leastShare * cases.length, `${stem} takes ${taken.length} of ${cases.length} cases`);
  await expectFirmwareMatchesSimulator(cases, TARGETS, OPTIONS);
}

const many = (count: number, seed: number, make: (random: Random, name: string, bits: WeightBits) => LinearCase) => {
  const random = new Random(seed);
  return Array.from({ length: count }, (_, i) => make(random, `seed ${seed} case ${i}`, NARROW));
};

packed('conv2d equals the simulator', async () => {
  const ends = [4, 2].flatMap((bits) => [16, 37].flatMap((depth) => [true, false].map((high) => extremeWeights('conv2d', bits, depth, high))));
  await check([...many(32, SEED + 1, portableConvolution), ...ends], 'pairs_packed', 0.7);
});

packed('depthwise equals the simulator', () => check(many(28, SEED + 2, portableDepthwise), '3x3_packed', 0.7));

packed('dense equals the simulator', async () => {
  const ends = [4, 2].flatMap((bits) => [16, 37].flatMap((depth) => [true, false].map((high) => extremeWeights('dense', bits, depth, high))));
  await check([...many(24, SEED + 3, portableDense), ...ends], 'blocks_packed', 1);
});

packed('weights of more than 4 bits stay bytes', () => {
  const one = extremeWeights('dense', 5, 16, true);
  const [step] = buildSchedule(one.graph, findTarget('cortex-m0plus'), { ...DEFAULT_SCHEDULE_OPTIONS, ...OPTIONS }).steps;
  assert.is(step!.kernel.stem.includes('packed'), false);
});

packed.run();
