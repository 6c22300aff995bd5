/** Kernels without multiplication: random layers with any integer weights and with shift weights, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule, DEFAULT_SCHEDULE_OPTIONS } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import type { Random } from '../../support/integer-graphs.js';
import { type LinearCase, linearCase, randomConvolution, randomDepthwise, randomTransposed, rangeOf } from '../../support/linear-cases.js';
import { drawn, narrow } from '../../support/shift-cases.js';

const kernels = suite('shift kernels');

const TARGETS = ['cortex-m0plus', 'rv32ec', 'host'];

function dense(random: Random, name: string): LinearCase {
  const [rows, depth, outputs] = [random.integer(1, 3), random.pick([1, 7, 40, 700]), random.integer(1, 9)];
  const input = random.pick([{ bits: 8 }, { bits: 8, signed: false }, { bits: 4 }]);
  const zeroPoint = random.integer(...rangeOf(input));
  return linearCase(name, random, { op: 'dense', input, inputShape: [rows, depth], weightShape: [outputs, depth], weightBits: random.pick([8, 4, 2]), outputChannels: outputs, outputShape: [rows, outputs], biasRows: 1, attributes: { inputZeroPoint: zeroPoint } });
}

/** Far between taps: more than a byte from one tap of a list to the next. */
function sparse(random: Random, name: string): LinearCase {
  const one = linearCase(name, random, {
    op: 'conv2d', input: { bits: 8 }, inputShape: [3, 5, 1100], weightShape: [3, 1, 1, 1100], weightBits: 8, outputChannels: 3, outputShape: [3, 5, 3], biasRows: 1,
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: 0 }, inputZeroPoint: 0 },
  });
  const weights = one.graph.tensors.get(one.graph.nodes[0]!.inputs[1]!)!;
  const data = weights.constant!.data.map((code, i) => (i % 300 === 299 ? code | 1 : 0));
  const tensor = { ...weights, constant: { ...weights.constant!, data } };
  return { ...one, graph: { ...one.graph, tensors: new Map([...one.graph.tensors, [tensor.id, tensor]]) } };
}

/** Deep layers of equal signs: lists longer than a byte counts, sums of a plane beyond 16 bits. */
function deep(random: Random, name: string): LinearCase {
  const one = linearCase(name, random, {
    op: 'conv2d', input: { bits: 8 }, inputShape: [3, 3, 1100], weightShape: [2, 1, 1, 1100], weightBits: 4, outputChannels: 2, outputShape: [3, 3, 2], biasRows: 1,
    attributes: { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: -3 }, inputZeroPoint: -3 },
  });
  const weights = one.graph.tensors.get(one.graph.nodes[0]!.inputs[1]!)!;
  const data = weights.constant!.data.map((_, i) => (i % 5 === 0 ? -1 : i < 1100 ? 4 : 1));
  const tensor = { ...weights, constant: { ...weights.constant!, data } };
  return { ...one, graph: { ...one.graph, tensors: new Map([...one.graph.tensors, [tensor.id, tensor]]) } };
}

const CASES: Readonly<Record<string, () => LinearCase[]>> = {
  conv2d: () => [...drawn(51, 14, narrow(randomConvolution)), ...drawn(52, 1, sparse), ...drawn(53, 2, deep)],
  'depthwise-conv2d': () => drawn(54, 14, narrow(randomDepthwise)),
  'conv2d-transpose': () => drawn(57, 16, narrow(randomTransposed)),
  dense: () => drawn(55, 6, dense),
};

for (const [op, make] of Object.entries(CASES)) {
  kernels(`${op} equals the simulator, tensor by tensor`, async () => {
    const cases = make();
    for (const { name, graph } of cases) {
      const steps = buildSchedule(graph, findTarget('host'), DEFAULT_SCHEDULE_OPTIONS).steps;
      assert.ok(steps.every((step) => step.kernel.family === 'shift'), name);
    }
    await expectFirmwareMatchesSimulator(cases, TARGETS);
  });
}

kernels('little memory: one word a tap', async () => {
  await expectFirmwareMatchesSimulator(drawn(56, 4, narrow(randomConvolution)), ['host'], { optimize: 'ram' });
});

kernels.run();
