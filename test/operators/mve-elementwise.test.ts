/** Pools, look-ups, rescalings on Helium: random layers against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { divisionBy } from '../../src/operators/mve/division.js';
import { countFamily } from '../support/dsp-cases.js';
import { type ElementwiseMaker, poolCase, productCase, reductionCase, rescalingCase, softmaxCase, tableCase } from '../support/byte-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';

const elementwise = suite('mve pools, look-ups and element-wise operators');

const SEED = 790;

async function check(plan: readonly (readonly [number, ElementwiseMaker])[], leastShare: number): Promise<void> {
  const random = new Random(SEED);
  const cases = plan.flatMap(([count, make]) => Array.from({ length: count }, (_, i) => make(random, `seed ${SEED} ${make.name} ${i}`)));
  const taken = countFamily(cases, 'mve', 'cortex-m55');
  assert.ok(taken >= leastShare * cases.length, `${taken} of ${cases.length} run on the mve kernels`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m55']);
}

elementwise('pools equal the simulator', () => check([[90, poolCase]], 0.85));
elementwise('look-ups equal the simulator', () => check([[30, tableCase], [30, rescalingCase]], 0.9));

elementwise('reductions and products equal the simulator', () => check([[60, reductionCase], [60, productCase]], 0.6));
elementwise('softmax equals the simulator', () => check([[60, softmaxCase]], 0.5));

elementwise('division by a product is exact for every sum that is accepted', () => {
  for (let count = 1; count <= 256; count++) {
    for (const largest of [128, 255]) {
      const division = divisionBy(count, count * largest);
      if (!division) continue;
      for (let u = 0; u <= count * largest; u++) {
        const got = (((u + division.addend) * division.multiplier) / 65536) >>> division.shift;
        if (got !== Math.floor((u + Math.floor(count / 2)) / count)) assert.unreachable(`${u} / ${count} gives ${got}`);
      }
    }
  }
  assert.is(divisionBy(3, 2 ** 16), null);
});

elementwise.run();
