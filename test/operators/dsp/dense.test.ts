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

/** Rows of 100 bytes are cut before the layer: what they leave free holds some of its widened weights. */
function behindRows(random: Random, name: string, bits: 8 | 16): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const [largest, width] = [2 ** (bits - 1), 800 / bits];
  const rowsOf = (length: number) => (bits === 8 ? new Int8Array(length) : new Int16Array(length));
  const [rows, depth, channels] = [random.integer(18, 22), random.pick([21, 24]), random.pick([38, 40])];
  const cut = builder.node('slice', 'cut', [builder.input('x', [rows, width], { bits })], { shape: [rows, depth], output: { bits }, attributes: { starts: [0, 3], sizes: [rows, depth], steps: [1, 1] } });
  const w = builder.constant('w', [channels, depth], random.codes(new Int8Array(channels * depth), -127, 127));
  const b = builder.constant('b', [channels], random.codes(new Int32Array(channels), -20000, 20000));
  const y = builder.node('dense', 'y', [cut, w, b], { shape: [rows, channels], attributes: { inputZeroPoint: bits === 8 ? 3 : 0 }, requantize: bits === 8 ? foldableRequantize(random, channels, depth * 160 * 127, { bits: 8 }) : { mode: 'dyadic', multiplier: Array.from({ length: channels }, () => random.integer(2 ** 14, 2 ** 15)), shift: Array.from({ length: channels }, () => 31), zeroPoint: 5, clamp: [-128, 127] } });
  return { name, graph: builder.build([y]), inputs: [[random.codes(rowsOf(width * rows), -largest, largest - 1)], [rowsOf(width * rows).fill(-largest)]] };
}

dense('parts of the weights are widened where all do not fit', async () => {
  const random = new Random(SEED);
  const cases = Array.from({ length: 16 }, (_, i) => behindRows(random, `part ${i}`, i < 8 ? 8 : 16));
  const inParts = cases.filter(({ graph }) => (buildSchedule(graph, findTarget('cortex-m7'), DEFAULT_SCHEDULE_OPTIONS).steps.at(-1)!.kernel.view as { partBlocks?: number }).partBlocks);
  assert.ok(inParts.length >= 8 && inParts.includes(cases.at(-1)!), `${inParts.length} of ${cases.length}`);
  await expectFirmwareMatchesSimulator(cases, ['cortex-m7']);
});

dense.run();
