import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { IntegerGraph } from '../../../src/graph/integer.js';
import { transformedReach, transformWeights } from '../../../src/operators/dsp/winograd-transform.js';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { dspCase } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
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
  const size = (before: number, after: number) => random.integer(Math.max(2, 3 - before - after), 9);
  const channels = random.pick([4, 4, 8, 8, 12, 16, 16, 20, 32, 64]);
  return layer(random, name, { input: [size(pad[0], pad[1]), size(pad[2], pad[3]), channels], outputs: 2 * random.integer(1, 5), pad });
}

const OPTIONS = { ...DEFAULT_SCHEDULE_OPTIONS, winograd: true };

function isTransformed({ graph }: LinearCase, target: string): boolean {
  return buildSchedule(graph, findTarget(target), OPTIONS).steps[0]!.kernel.template === 'dsp/winograd';
}

for (const [target, count] of [['cortex-m7', 100], ['cortex-m4', 30], ['cortex-m33', 10]] as const) {
  winograd(`equals the simulator on ${target}`, async () => {
    const random = new Random(SEED);
    const cases: LinearCase[] = [];
    for (let i = 0; cases.length < count; i++) {
      const one = randomLayer(random, `seed ${SEED} case ${i}`);
      if (isTransformed(one, target)) cases.push(one);
    }
    await expectFirmwareMatchesSimulator(cases, [target], OPTIONS);
  });
}

function graphWith(bias: number, multiplier: number): IntegerGraph {
  const builder = new IntegerGraphBuilder('biased');
  const x = builder.input('x', [4, 4, 4], { bits: 8 });
  const w = builder.constant('w', [2, 3, 3, 4], new Int8Array(72).fill(1), 8);
  const b = builder.constant('b', [2], new Int32Array(2).fill(bias));
  const attributes = { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [1, 1, 1, 1], values: 0 }, inputZeroPoint: 0 };
  builder.node('conv2d', 'y', [x, w, b], { attributes, requantize: { mode: 'dyadicHigh', multiplier: [multiplier], zeroPoint: 0, clamp: [-128, 127] }, shape: [4, 4, 2], output: { bits: 8 } });
  return builder.build(['y']);
}

winograd('a sum that could leave 32 bits is computed directly', () => {
  const template = (bias: number) => buildSchedule(graphWith(bias, 800), findTarget('cortex-m7'), OPTIONS).steps[0]!.kernel.template;
  const spare = 4 * 128 * 4 * 9;
  assert.is(template(2 ** 29 - spare), 'dsp/winograd');
  assert.is(template(2 ** 29), 'dsp/conv2d');
});

/** acc = At M A in numbers without a limit, and every value that must fit 32 bits on the way. */
function evaluateTile(transformed: Int16Array, channels: number, values: readonly number[], bias: number): { readonly outputs: number[]; readonly largest: number } {
  const BT = [[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]] as const;
  const m = Array.from({ length: 16 }, (_, point) => {
    let sum = point === 5 ? bias : 0;
    for (let c = 0; c < channels; c++) {
      let v = 0;
      for (let i = 0; i < 16; i++) v += BT[point >> 2]![i >> 2]! * BT[point & 3]![i & 3]! * values[i * channels + c]!;
      sum += v * transformed[point * channels + c]!;
    }
    return sum;
  });
  let largest = 0;
  const half = (sum: number) => {
    largest = Math.max(largest, Math.abs(sum));
    assert.is(sum % 2 === 0, true, 'halves are whole');
    return sum / 2;
  };
  const pair = ([a, b, c, d]: readonly number[]) => [a! + half(b! + c!), half(b! - c!) - d!];
  const columns = [0, 1, 2, 3].map((j) => pair([0, 4, 8, 12].map((i) => m[i + j]!)));
  return { outputs: [0, 1].flatMap((row) => pair(columns.map((column) => column[row]!))), largest };
}

winograd('the transform gives four accumulators, within the bound that is proven', () => {
  const random = new Random(SEED + 1);
  for (let i = 0; i < 200; i++) {
    const channels = random.integer(1, 6);
    const weights = random.codes(new Int8Array(9 * channels), -128, 127);
    const values = Array.from({ length: 16 * channels }, () => random.pick([-128, 127, random.integer(-128, 127)]));
    const bias = random.integer(-(2 ** 20), 2 ** 20);
    const { outputs, largest } = evaluateTile(transformWeights(weights, 1, channels, 1), channels, values, 4 * bias);
    const direct = [0, 1].flatMap((y) => [0, 1].map((x) => {
      let sum = bias;
      for (let tap = 0; tap < 9; tap++) for (let c = 0; c < channels; c++) sum += weights[tap * channels + c]! * values[((y + Math.floor(tap / 3)) * 4 + x + (tap % 3)) * channels + c]!;
      return sum;
    }));
    assert.equal(outputs, direct);
    assert.ok(largest <= transformedReach(transformWeights(weights, 1, channels, 1), Float64Array.of(4 * bias), { inputChannels: channels, outputChannels: 1 }, [-128, 127]), 'bound');
  }
});

winograd.run();
