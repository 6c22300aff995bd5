/** Kernels of int16 activations on cores with SMLAD: random layers whose codes reach both ends of int16. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Requantize } from '../../../src/graph/integer.js';
import { constantCodes } from '../../../src/graph/integer.js';
import { createSimulator } from '../../../sim/index.js';
import { countFamily } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { Random, type TensorOptions } from '../../support/integer-graphs.js';
import { linearCase, type LinearCase, type LinearPlan, rangeOf } from '../../support/linear-cases.js';

const int16 = suite('dsp kernels of int16 activations');
const SEED = 160;

/** One rounding, zero point 0, and a clamp to all codes or, behind a ReLU, to those from 0 on. */
function wideRequantize(random: Random, channels: number, reach: number, output: TensorOptions): Requantize {
  const [low, high] = rangeOf(output);
  const end = { zeroPoint: 0, clamp: random.next() < 0.4 ? ([0, high] as const) : ([low, high] as const) };
  const exponent = () => Math.min(-2, Math.floor(Math.log2(((high - low) / Math.max(reach, 1)) * (0.2 + 16 * random.next()))));
  const list = <T>(make: () => T) => Array.from({ length: channels }, make);
  if (random.next() < 0.3) return { mode: 'dyadicHigh', multiplier: list(() => Math.floor((1 + random.next()) * 2 ** (31 + exponent()))), ...end };
  return { mode: 'dyadic', multiplier: list(() => random.integer(2 ** 30, 2 ** 31 - 1)), shift: list(() => 31 - exponent()), ...end };
}

function layer(random: Random, name: string, plan: Omit<LinearPlan, 'input' | 'output' | 'requantize' | 'weightBits' | 'biasRows'>, weightBits = random.pick([8, 8, 4])): LinearCase {
  const output = random.pick<TensorOptions>([{ bits: 16 }, { bits: 16 }, { bits: 12 }, { bits: 8 }]);
  const input = { bits: random.pick([16, 16, 9, 13]) };
  return linearCase(name, random, { ...plan, input, output, weightBits, biasRows: 1, requantize: (reach) => wideRequantize(random, plan.outputChannels, reach, output) }, 4);
}

function dense(random: Random, i: number): LinearCase {
  const [depth, outputs] = [random.pick([2, 3, 4, 7, 8, 16, 33, 64, 130]), random.integer(4, 11)];
  const leading = random.pick([[], [2], [3], [5], [7]]);
  return layer(random, `dense ${i}`, { op: 'dense', inputShape: [...leading, depth], weightShape: [outputs, depth], outputChannels: outputs, outputShape: [...leading, outputs], attributes: { inputZeroPoint: 0 } });
}

function window(random: Random, kernel: readonly [number, number], strides: readonly [number, number], most: number) {
  const pad = [0, 1, 2, 3].map(() => random.integer(0, most));
  const size = ([0, 1] as const).map((axis) => Math.max(1, kernel[axis] - pad[2 * axis]! - pad[2 * axis + 1]!) + strides[axis] * random.integer(2, 4));
  const outputs = ([0, 1] as const).map((axis) => Math.floor((size[axis]! + pad[2 * axis]! + pad[2 * axis + 1]! - kernel[axis]) / strides[axis]) + 1);
  return { size, outputs, attributes: { strides, dilations: [1, 1], pad: { amounts: pad, values: random.pick([0, 0, -1]) }, inputZeroPoint: 0 } };
}

function convolution(random: Random, i: number): LinearCase {
  const pointwise = i % 2 === 0;
  const kernel = pointwise ? ([1, 1] as const) : ([random.integer(1, 4), random.integer(1, 4)] as const);
  const strides = pointwise ? ([1, 1] as const) : ([random.integer(1, 2), random.integer(1, 2)] as const);
  const { size, outputs, attributes } = window(random, kernel, strides, pointwise ? 0 : Math.min(...kernel) - 1);
  const [depth, channels] = [random.pick([1, 2, 3, 4, 7, 16, 21]), random.integer(4, 9)];
  return layer(random, `conv2d ${i}`, { op: 'conv2d', inputShape: [...size, depth], weightShape: [channels, ...kernel, depth], outputChannels: channels, outputShape: [...outputs, channels], attributes: { ...attributes, groups: 1 } });
}

function depthwise(random: Random, i: number): LinearCase {
  const kernel = [random.integer(1, 3), random.integer(1, 3)] as const;
  const { size, outputs, attributes } = window(random, kernel, [random.integer(1, 3), random.integer(1, 3)], i % 3 === 0 ? 0 : Math.min(...kernel) - 1);
  const channels = 2 * random.integer(1, 5);
  return layer(random, `depthwise ${i}`, { op: 'depthwise-conv2d', inputShape: [...size, channels], weightShape: [...kernel, channels, 1], outputChannels: channels, outputShape: [...outputs, channels], attributes });
}

function some(count: number, make: (random: Random, i: number) => LinearCase): readonly LinearCase[] {
  const random = new Random(SEED + count);
  return Array.from({ length: count }, (_, i) => make(random, i));
}

const cases = [...some(24, dense), ...some(26, convolution), ...some(28, depthwise)];
const TARGETS = ['cortex-m7', 'cortex-m33'];

/** floor((x·m + 2^(s−1)) / 2^s), clamped, in bigints. */
function exactCode(accumulator: bigint, requantize: Requantize, channel: number): number {
  if (requantize.mode !== 'dyadic' && requantize.mode !== 'dyadicHigh') throw new Error(`mode ${requantize.mode}`);
  const shift = BigInt(requantize.mode === 'dyadic' ? requantize.shift[channel]! : 32);
  const rounded = (accumulator * BigInt(requantize.multiplier[channel]!) + 2n ** (shift - 1n)) >> shift;
  const [low, high] = requantize.clamp;
  return Number(rounded < BigInt(low) ? BigInt(low) : rounded > BigInt(high) ? BigInt(high) : rounded);
}

int16('dense layers equal sums and one rounding in bigints', () => {
  for (const { name, graph, inputs } of cases.slice(0, 24)) {
    const [node] = graph.nodes;
    const [weights, bias] = [constantCodes(graph, 'w'), constantCodes(graph, 'b')];
    const depth = weights.length / bias.length;
    const simulator = createSimulator(graph);
    for (const [x] of inputs) {
      const [codes] = simulator.run([x!]);
      codes!.forEach((code, i) => {
        const [row, o] = [Math.floor(i / bias.length), i % bias.length];
        let sum = BigInt(bias[o]!);
        for (let k = 0; k < depth; k++) sum += BigInt(weights[o * depth + k]!) * BigInt(x![row * depth + k]!);
        assert.is(code, exactCode(sum, node!.requantize!, o), `${name}, element ${i}`);
      });
    }
  }
});

int16('layers are taken by these kernels', () => {
  assert.ok(countFamily(cases, 'dsp', 'cortex-m7') >= 0.9 * cases.length, `${countFamily(cases, 'dsp', 'cortex-m7')} of ${cases.length}`);
  assert.is(countFamily(cases, 'dsp', 'cortex-m3'), 0);
});

int16('firmware equals the simulator', async () => {
  await expectFirmwareMatchesSimulator(cases, TARGETS);
});

int16('firmware equals the simulator with weights of int16 and packed ones', async () => {
  const products = cases.slice(0, 50);
  await expectFirmwareMatchesSimulator(products.slice(0, 25), ['cortex-m7'], { weights: 'int16' });
  await expectFirmwareMatchesSimulator(products.slice(20), ['cortex-m7'], { weights: 'packed' });
});

int16.run();
