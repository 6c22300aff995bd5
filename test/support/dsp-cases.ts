/** Random layers that the kernels of cores with SMLAD take: bytes in and out, a clamp that is a saturation. */
import type { Requantize } from '../../src/graph/integer.js';
import { DEFAULT_SCHEDULE_OPTIONS, buildSchedule, type ScheduleOptions } from '../../src/schedule/index.js';
import { findTarget } from '../../src/targets/index.js';
import { IntegerGraphBuilder, type Random, type TensorOptions } from './integer-graphs.js';
import { linearCase, type LinearCase, type LinearPlan, rangeOf } from './linear-cases.js';

/** A multiplier between −1 and 1 for every channel, of very different sizes. */
export function foldableRequantize(random: Random, channels: number, reach: number, output: TensorOptions): Requantize {
  const [low, high] = rangeOf(output);
  const zeroPoint = random.pick([low, random.integer(low, high), random.integer(low, high)]);
  const end = { zeroPoint, clamp: [low, high] as const };
  const mode = random.pick(['tfliteDouble', 'tfliteDouble', 'dyadicHigh', 'dyadic', 'tfliteSingle'] as const);
  const list = <T>(make: () => T) => Array.from({ length: channels }, make);
  const exponent = () => Math.min(-1, Math.floor(Math.log2(((high - low) / Math.max(reach, 1)) * (0.2 + 16 * random.next()))));
  const multiplier = list(() => random.integer(2 ** 30, 2 ** 31 - 1));
  // Channels of flipped weights fall: every second multiplier or so of a random half of the layers.
  const signed = (values: readonly number[]) => (channels === 1 || zeroPoint % 2 === 0 ? values : values.map((m) => (m % 2 === 0 ? m : -m)));
  if (mode === 'dyadicHigh') return { mode, multiplier: signed(list(() => Math.floor((1 + random.next()) * 2 ** (31 + exponent())))), ...end };
  if (mode === 'dyadic') return { mode, multiplier: signed(multiplier), shift: list(() => 31 - exponent()), ...end };
  return { mode, multiplier, shift: list(exponent), ...end };
}

/** A layer of 8-bit activations of either sign; some channels are dead, some weights all at their ends. */
export function dspCase(random: Random, name: string, plan: Omit<LinearPlan, 'output' | 'requantize' | 'weightBits' | 'biasRows'>, weightBits: readonly number[] = [8, 8, 8, 4]): LinearCase {
  const output = random.pick<TensorOptions>([{ bits: 8 }, { bits: 8 }, { bits: 8, signed: false }, { bits: 5 }]);
  return linearCase(name, random, {
    ...plan,
    weightBits: random.pick(weightBits),
    biasRows: 1,
    output,
    requantize: (reach) => foldableRequantize(random, plan.outputChannels, reach, output),
  }, 3);
}

/** A layer behind a much larger one, whose memory is free for widened weights; of weights to `largest`. */
export function behindLargeLayer(random: Random, name: string, largest = 127): LinearCase {
  const builder = new IntegerGraphBuilder(name);
  const channels = random.integer(4, 9);
  const layers = [
    { input: 4, outputs: channels, kernel: 3, stride: 4, size: 5 },
    { input: channels, outputs: random.integer(2, 9), kernel: random.pick([1, 3]), stride: 1, size: 5 },
  ];
  let last = builder.input('x', [20, 20, 4]);
  for (const [i, { input, outputs, kernel, stride, size }] of layers.entries()) {
    const pad = i === 0 || kernel === 1 ? 0 : 1;
    const w = builder.constant(`w${i}`, [outputs, kernel, kernel, input], random.codes(new Int8Array(outputs * kernel * kernel * input), -largest, largest));
    const b = builder.constant(`b${i}`, [outputs], random.codes(new Int32Array(outputs), -20000, 20000));
    last = builder.node('conv2d', `y${i}`, [last, w, b], {
      attributes: { strides: [stride, stride], dilations: [1, 1], groups: 1, pad: { amounts: [pad, pad, pad, pad], values: 3 }, inputZeroPoint: 3 },
      requantize: foldableRequantize(random, outputs, kernel * kernel * input * 160 * largest, { bits: 8 }),
      shape: [size, size, outputs],
    });
  }
  return { name, graph: builder.build([last]), inputs: [[random.codes(new Int8Array(1600), -128, 127)], [new Int8Array(1600).fill(127)]] };
}

/** How many of the cases a kernel of the family takes. */
export function countFamily(cases: readonly LinearCase[], family: string, targetId: string, options: Partial<ScheduleOptions> = {}): number {
  const taken = (one: LinearCase) => buildSchedule(one.graph, findTarget(targetId), { ...DEFAULT_SCHEDULE_OPTIONS, ...options }).steps.every((s) => s.kernel.family === family);
  return cases.filter(taken).length;
}
