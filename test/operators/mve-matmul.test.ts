/** Products of two activations on Helium: random matrices, broadcast, transposed, with zero points, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { byteMatmulCase } from '../support/byte-cases.js';
import { countFamily } from '../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { Random } from '../support/integer-graphs.js';
import { randomMatmul } from '../support/linear-cases.js';

const matmul = suite('mve matmul');

const SEED = 890;

matmul('equals the simulator', async () => {
  const random = new Random(SEED);
  const cases = [
    ...Array.from({ length: 60 }, (_, i) => byteMatmulCase(random, `seed ${SEED} case ${i}`)),
    ...Array.from({ length: 20 }, (_, i) => randomMatmul(random, `seed ${SEED} any ${i}`)),
  ];
  const taken = countFamily(cases, 'mve', 'cortex-m55');
  assert.ok(taken >= 55, `${taken} of ${cases.length} run on the mve kernels`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m55']);
});

matmul.run();
