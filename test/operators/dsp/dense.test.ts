import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { countFamily, dspCase, foldableRequantize } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
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

/** Rows of 100 codes are cut before the layer: what they leave free holds some of its widened weights. */
function behindRows(random: Random, name: string): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const [rows, depth, channels] = [random.integer(18, 22), random.pick([21, 24]), random.pick([38, 40])];
  const cut = builder.node('slice', 'cut', [builder.input('x', [rows, 100])], { shape: [rows, depth], attributes: { starts: [0, 3], sizes: [rows, depth], steps: [1, 1] } });
  const w = builder.constant('w', [channels, depth], random.codes(new Int8Array(channels * depth), -127, 127));
  const b = builder.constant('b', [channels], random.codes(new Int32Array(channels), -20000, 20000));
  const y = builder.node('dense', 'y', [cut, w, b], { shape: [rows, channels], attributes: { inputZeroPoint: 3 }, requantize: foldableRequantize(random, channels, depth * 160 * 127, { bits: 8 }) });
  return { name, graph: builder.build([y]), inputs: [[random.codes(new Int8Array(100 * rows), -128, 127)], [new Int8Array(100 * rows).fill(-128)]] };
}

dense('parts of the weights are widened where all do not fit', async () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: 8 }, (_, i) => behindRows(random, `part ${i}`));
  const inParts = cases.filter(({ graph }) => (buildSchedule(graph, findTarget('cortex-m7'), DEFAULT_SCHEDULE_OPTIONS).steps.at(-1)!.kernel.view as { partBlocks?: number }).partBlocks);
  assert.ok(inParts.length >= 4, `${inParts.length} of ${cases.length}`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7']);
});

dense.run();
