/** Softmax by shifts and of two ranges, gates by shifts, look-ups of 16 bits: random layers on the kernels of SMLAD and of Helium. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type ElementwiseMaker, shiftGateCase, shiftmaxCase, twinSoftmaxCase, wideTableCase } from '../support/byte-cases.js';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';

const functions = suite('functions of bytes');

const SEED = 612;
const makers: readonly (readonly [number, ElementwiseMaker])[] = [[40, shiftmaxCase], [40, twinSoftmaxCase], [20, shiftGateCase], [10, wideTableCase]];

function casesOf(plan: typeof makers) {
  const random = new Random(SEED);
  return plan.flatMap(([count, make]) => Array.from({ length: count }, (_, i) => make(random, `seed ${SEED} ${make.name} ${i}`)));
}

for (const [target, family, leastShare] of [['cortex-m7', 'dsp', 0.75], ['cortex-m55', 'mve', 0.6]] as const) {
  functions(`equal the simulator on ${target}`, async () => {
    const cases = casesOf(makers);
    const taken = countFamily(cases, family, target);
    assert.ok(taken >= leastShare * cases.length, `${taken} of ${cases.length} run on the kernels of family ${family}`);
    await expectFirmwareMatchesSimulator(cases, [target]);
  });
}

functions('gates of bytes equal the simulator without their tables too', async () => {
  await expectFirmwareMatchesSimulator(casesOf([[20, shiftGateCase]]), ['host'], { optimize: 'flash' });
});

functions.run();
