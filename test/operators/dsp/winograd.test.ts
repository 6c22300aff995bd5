import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random } from '../../support/integer-graphs.js';
import { type LinearCase, rangeOf } from '../../support/linear-cases.js';

const winograd = suite('dsp winograd');

const SEED = 90;

interface Layer {
  readonly input: readonly [number, number, number];
  readonly outputs: number;
  readonly pad: readonly [number, number, number, number];
}

function layer(random: Random, name: string, { input, outputs, pad }: Layer): LinearCase {
  const type = random.pick([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const [low, high] = rangeOf(type);
  const zeroPoint = random.pick([low, high, random.integer(low, high)]);
  return dspCase(random, name, {
    op: 'conv2d',
    input: type,
    inputShape: input,
    weightShape: [outputs, 3, 3, input[2]],
    outputChannels: outputs,
    outputShape: [input[0] + pad[0] + pad[1] - 2, input[1] + pad[2] + pad[3] - 2, outputs],
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: pad, values: zeroPoint }, inputZeroPoint: zeroPoint },
  });
}

function randomLayer(random: Random, name: string): LinearCase {
  const bit = () => random.integer(0, 1);
  const pad = [bit(), bit(), bit(), bit()] as const;
  const size = (before: number, after: number) => random.integer(Math.max(1, 3 - before - after), 9);
  const channels = random.pick([4, 8, 12, 16, 20, 32, 64]);
  return layer(random, name, { input: [size(pad[0], pad[1]), size(pad[2], pad[3]), channels], outputs: 2 * random.integer(1, 5), pad });
}

const OPTIONS = { ...DEFAULT_SCHEDULE_OPTIONS, winograd: true };

function isTransformed({ graph }: LinearCase, target: string): boolean {
  return buildSchedule(graph, findTarget(target), OPTIONS).steps[0]!.kernel.template === 'dsp/winograd';
}

for (const [target, count] of [['cortex-m7', 60], ['cortex-m4', 20]] as const) {
  winograd(`equals the simulator on ${target}`, async () => {
    const random = new Random(SEED);
    const cases = Array.from({ length: count }, (_, i) => randomLayer(random, `seed ${SEED} case ${i}`));
    const taken = cases.filter((one) => isTransformed(one, target)).length;
    assert.ok(taken >= 0.8 * count, `${taken} of ${count} are computed in the transformed domain`);
    await expectFirmwareMatchesSimulator(cases, [target], OPTIONS);
  });
}

winograd.run();
