/** Dense layers of few rows by dot products of bytes, which a launch chooses: depths of every fill of a warp, rows around the limit, against the simulator. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { buildSchedule } from '../../../src/schedule/index.js';
import { findTarget } from '../../../src/targets/index.js';
import { expectCudaProofs } from '../../support/cuda-proofs.js';
import { expectFirmwareMatchesSimulator } from '../../support/firmware.js';
import { IntegerGraphBuilder, Random } from '../../support/integer-graphs.js';
import { type LinearCase, linearCase, randomRequantize } from '../../support/linear-cases.js';
import { mergeGraphs } from '../../support/merge-graphs.js';

const test = suite('dense layers of few rows on CUDA');

interface Layer {
  readonly rows: number;
  readonly depth: number;
  readonly outputs: number;
  readonly isUnsigned?: boolean;
  readonly outputBits?: 8 | 16;
}

const LAYERS: readonly Layer[] = [
  { rows: 1, depth: 640, outputs: 37 },
  { rows: 1, depth: 64, outputs: 10, isUnsigned: true },
  { rows: 3, depth: 200, outputs: 70 },
  { rows: 5, depth: 132, outputs: 9, isUnsigned: true, outputBits: 16 },
  { rows: 8, depth: 4, outputs: 3 },
  { rows: 2, depth: 512, outputs: 128 },
];

function dense(random: Random, { rows, depth, outputs, isUnsigned = false, outputBits = 8 }: Layer, name: string): LinearCase {
  return linearCase(name, random, {
    op: 'dense',
    input: { bits: 8, signed: !isUnsigned },
    inputShape: [rows, depth],
    weightShape: [outputs, depth],
    weightBits: 8,
    output: { bits: outputBits },
    outputChannels: outputs,
    outputShape: [rows, outputs],
    biasRows: 1,
    attributes: { inputZeroPoint: isUnsigned ? random.integer(0, 255) : random.integer(-128, 127) },
  });
}

/** With an addition behind it. */
function residual(random: Random): Pick<LinearCase, 'graph' | 'inputs'> {
  const builder = new IntegerGraphBuilder();
  const [depth, outputs] = [96, 33];
  const x = builder.input('x', [depth]);
  const other = builder.input('other', [outputs]);
  const weights = builder.constant('weights', [outputs, depth], random.codes(new Int8Array(outputs * depth), -127, 127));
  const bias = builder.constant('bias', [outputs], Int32Array.from({ length: outputs }, () => random.integer(-9999, 9999)));
  const product = builder.node('dense', 'product', [x, weights, bias], { shape: [outputs], attributes: { inputZeroPoint: -3 }, requantize: randomRequantize(random, outputs, 127 * 128 * 9, { bits: 8 }) });
  builder.node('add', 'y', [other, product], {
    shape: [outputs],
    attributes: { variant: 'dyadic', inputMultipliers: [77, 103], offset: -4321 },
    requantize: { mode: 'shift', rounding: 'halfUp', shift: [7], zeroPoint: 5, clamp: [-128, 127] },
  });
  return { graph: builder.build(['y']), inputs: [0, 1, 2].map(() => [depth, outputs].map((length) => random.codes(new Int8Array(length), -128, 127))) };
}

const random = new Random(64);
const cases = [...LAYERS.map((layer, i) => dense(random, layer, `layer ${i}`)), residual(random)];
const graph = { ...mergeGraphs(cases.map((one) => one.graph)), name: 'few_rows' };

test('equal the simulator', async () => {
  const offered = buildSchedule(graph, findTarget('cuda')).steps.map(({ kernel }) => kernel.variants?.[0]?.template);
  assert.equal(offered, cases.map(() => 'dense-rows'));
  await expectFirmwareMatchesSimulator([{ name: 'layers', graph, inputs: [0, 1, 2].map((v) => cases.flatMap((one) => one.inputs[v]!)) }], ['cuda']);
});

test('no floating point, no register in memory', async () => {
  await expectCudaProofs(graph);
});

test.run();
