/** Ratios from one half to four (weights and activations of few bits before an 8-bit sum), rising and falling: 2 to 16 times the accumulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Attributes } from '../../../src/graph/float.js';
import type { Requantize } from '../../../src/graph/integer.js';
import { foldRequantize, MOST_PLACES } from '../../../src/operators/dsp/requantize.js';
import { countFamily } from '../../support/dsp-cases.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { type LinearCase, samples } from '../../support/linear-cases.js';

const steep = suite('dsp steep requantization');

const SEED = 61;
const CHANNELS = 8;

function steepCase(random: Random, name: string): LinearCase {
  const conv = random.next() < 0.5;
  const depth = random.pick([8, 16, 20, 32]);
  const input = { bits: 4 };
  const builder = new IntegerGraphBuilder(name);
  const x = builder.input('x', conv ? [4, 4, depth] : [depth], input);
  const w = builder.constant('w', conv ? [CHANNELS, 1, 1, depth] : [CHANNELS, depth], random.codes(new Int8Array(CHANNELS * depth), -2, 1), 2);
  const b = builder.constant('b', [CHANNELS], random.codes(new Int32Array(CHANNELS), -40, 40));
  const places = random.integer(0, 2);
  const shift = Array.from({ length: CHANNELS }, (_, channel) => 31 - (channel === 0 ? places : random.integer(0, places)));
  const multiplier = shift.map(() => random.integer(2 ** 30, 2 ** 31 - 1) * random.pick([1, -1]));
  const requantize: Requantize = { mode: 'dyadic', multiplier, shift, zeroPoint: random.integer(-20, 20), clamp: [-128, 127] };
  const attributes: Attributes = conv ? { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: -8 }, inputZeroPoint: -8 } : { inputZeroPoint: -8 };
  builder.node(conv ? 'conv2d' : 'dense', 'y', [x, w, b], { attributes, requantize, shape: conv ? [4, 4, CHANNELS] : [CHANNELS], output: { bits: 8 } });
  const graph = builder.build(['y']);
  // Channels of different ratios have different shifts, which take one place more.
  assert.ok([places + 1, places + 2].includes(foldRequantize(graph.nodes[0]!, CHANNELS, MOST_PLACES)!.places));
  return { name, graph, inputs: samples(random, input, (conv ? 16 : 1) * depth, 3).map((codes) => [codes]) };
}

for (const [target, weights] of [['cortex-m7', 'int8'], ['cortex-m4', 'int16'], ['cortex-m0plus', 'int8']] as const) {
  steep(`equals the simulator on ${target} with ${weights} weights`, async () => {
    const random = new Random(SEED);
    const cases = Array.from({ length: 24 }, (_, i) => steepCase(random, `seed ${SEED} case ${i}`));
    if (target !== 'cortex-m0plus') assert.is(countFamily(cases, 'dsp', target, { weights }), cases.length);
    await expectFirmwareMatchesSimulator(cases, [target], { weights });
  });
}

steep.run();
