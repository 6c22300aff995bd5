import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily, dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, rangeOf } from '../../support/linear-cases.js';

const dense = suite('dsp dense');

const SEED = 90;

function layer(random: Random, name: string): LinearCase {
  const input = random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const [low, high] = rangeOf(input);
  const leading = random.pick<readonly number[]>([[], [], [2], [3], [4], [2, 4]]);
  const depth = random.pick([random.integer(4, 40), random.integer(4, 140), 32, 64, 128, 640]);
  const channels = random.integer(4, 13);
  return dspCase(random, name, {
    op: 'dense',
    input,
    inputShape: [...leading, depth],
    weightShape: [channels, depth],
    outputChannels: channels,
    outputShape: [...leading, channels],
    attributes: { inputZeroPoint: random.pick([low, high, random.integer(low, high)]) },
  });
}

for (const [target, weights] of [['cortex-m7', 'int8'], ['cortex-m4', 'int8'], ['cortex-m7', 'int16']] as const) {
  dense(`equals the simulator on ${target} with ${weights} weights`, async () => {
    const random = new Random(SEED);
    const cases = Array.from({ length: 100 }, (_, i) => layer(random, `seed ${SEED} case ${i}`));
    const taken = countFamily(cases, 'dsp', target, { weights });
    assert.ok(taken >= 0.8 * cases.length, `${taken} of ${cases.length} run on the dsp kernels`);
    await expectFirmwareMatchesSimulator(cases, [target], { weights });
  });
}

dense.run();
