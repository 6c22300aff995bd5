/** Packed weights on Helium: random layers of every width, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import type { LinearCase } from '../support/linear-cases.js';
import { extremeWeights, NARROW, portableConvolution, portableDense } from '../support/portable-cases.js';

const packed = suite('mve kernels with packed weights');

const SEED = 670;
const OPTIONS = { weights: 'packed' } as const;

/** A function of packed products takes the layer. */
function isPacked({ graph }: LinearCase): boolean {
  const { steps } = buildSchedule(graph, findTarget('cortex-m55'), { ...DEFAULT_SCHEDULE_OPTIONS, ...OPTIONS });
  return steps.some(({ kernel }) => kernel.family === 'mve' && kernel.support?.some(({ view }) => (view as { packed?: boolean }).packed));
}

packed('products equal the simulator', async () => {
  const random = new Random(SEED);
  const ends = (['conv2d', 'dense'] as const).flatMap((op) => [9, 16, 27, 70].flatMap((depth) => [true, false].map((high) => extremeWeights(op, 4, depth, high))));
  const cases = [
    ...Array.from({ length: 70 }, (_, i) => portableConvolution(random, `seed ${SEED} convolution ${i}`, NARROW)),
    ...Array.from({ length: 40 }, (_, i) => portableDense(random, `seed ${SEED} dense ${i}`, NARROW)),
    ...ends,
  ];
  const taken = cases.filter(isPacked).length;
  assert.ok(taken >= 0.5 * cases.length, `${taken} of ${cases.length} run on packed products`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m55'], OPTIONS);
});

packed.run();
