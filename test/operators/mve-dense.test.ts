import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { type LinearCase, linearCase, randomDense } from '../support/linear-cases.js';

const dense = suite('mve dense');

const SEED = 95;

function layer(random: Random, name: string): LinearCase {
  const [depth, outputs] = [random.pick([1, 5, 8, 16, 17, 31, 32, 64, 100, 128, 300]), random.integer(1, 21)];
  const leading = random.pick([[], [], [1], [2], [3], [5]]);
  const zeroPoint = random.pick([-128, 127, random.integer(-128, 127)]);
  return linearCase(name, random, {
    op: 'dense',
    input: { bits: 8 },
    inputShape: [...leading, depth],
    weightShape: [outputs, depth],
    weightBits: random.pick([8, 8, 8, 4]),
    output: random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 5 }]),
    outputChannels: outputs,
    outputShape: [...leading, outputs],
    biasRows: 1,
    attributes: { inputZeroPoint: zeroPoint },
  });
}

dense('equals the simulator', async () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: 100 }, (_, i) => layer(random, `seed ${SEED} case ${i}`));
  const taken = countFamily(cases, 'mve', 'cortex-m55');
  assert.ok(taken >= 0.7 * cases.length, `${taken} of ${cases.length} run on the mve kernels`);
  await expectFirmwareMatchesSimulator([...cases, ...Array.from({ length: 40 }, (_, i) => randomDense(random, `any ${i}`))], ['cortex-m55']);
});

dense.run();
