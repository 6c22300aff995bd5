/** Networks whose channels were moved, in integers: shifts in front of padding and behind residual branches, firmware. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, sqnrDb, type SampleSet } from '../../src/calibration/index.js';
import { elementCount, tensorOf, type FloatGraph } from '../../src/graph/float.js';
import type { IntegerGraph } from '../../src/graph/integer.js';
import { verifyIntegerGraph } from '../../src/graph/verify.js';
import { floatValues, integerValues } from '../../src/evaluation.js';
import { migrateOutliers } from '../../src/migration.js';
import { lowerGraph, planQuantization } from '../../src/quantization/index.js';
import { encodeSamples, sampleAt } from '../../src/simulation/encode.js';
import { expectFirmwareMatchesSimulator } from '../support/firmware.js';
import { expectSameOutputs, newBuilder, origin, randomArray, randomNumbers } from '../support/float-graphs.js';

const test = suite('networks with moved channels');
const SAMPLES = 24;

/** A convolution whose channels lie far from 0 on either side, in front of one that pads. */
function offCentre(): FloatGraph {
  const [b, next] = [newBuilder('off-centre'), randomNumbers(17)];
  const convolution = (x: string, name: string, outputs: number, inputs: number, bias: (c: number) => number): string => {
    const weights = b.constant(`${name}/w`, [outputs, 3, 3, inputs], randomArray(9 * outputs * inputs, next).map((w) => w / 4), origin(name));
    const attributes = { strides: [1, 1], dilations: [1, 1], pad: [1, 1, 1, 1], groups: 1, activation: null };
    return b.apply('conv2d', [x, weights, b.constant(`${name}/b`, [outputs], Float32Array.from({ length: outputs }, (_, c) => bias(c)), origin(name))], attributes, origin(name), name);
  };
  const first = convolution(b.input('x', [8, 8, 3], 'float32'), 'first', 6, 3, (c) => (c % 2 === 0 ? 30 : -22));
  b.output('y', convolution(first, 'second', 5, 6, () => 0));
  return b.build();
}

/** A layer norm with channels far apart, read by a layer and by a residual sum. */
function residual(): FloatGraph {
  const [b, next] = [newBuilder('residual'), randomNumbers(23)];
  const constant = (name: string, shape: readonly number[], values: Float32Array): string => b.constant(name, shape, values, origin(name));
  const gains = Float32Array.from({ length: 12 }, (_, c) => (c === 4 ? 40 : c === 7 ? 25 : 1));
  const offsets = Float32Array.from({ length: 12 }, (_, c) => (c === 7 ? -60 : 0));
  const norm = b.apply('layer-norm', [b.input('x', [6, 12], 'float32'), constant('g', [12], gains), constant('o', [12], offsets)], { axis: 1, epsilon: 1e-5 }, origin('norm'), 'norm');
  // Large channels meet small weights, as in a trained network.
  const weights = randomArray(144, next).map((w, k) => w / gains[k % 12]!);
  const dense = b.apply('dense', [norm, constant('w', [12, 12], weights), constant('c', [12], randomArray(12, next))], { activation: null }, origin('dense'), 'dense');
  b.output('y', b.apply('add', [dense, norm], { activation: null }, origin('sum'), 'y'));
  b.output('z', dense);
  return b.build();
}

function samplesOf(graph: FloatGraph): SampleSet {
  const port = graph.inputs[0]!;
  return { count: SAMPLES, inputs: new Map([[port.name, randomArray(SAMPLES * elementCount(tensorOf(graph, port.tensor).shape), randomNumbers(5))]]), codes: new Map(), raw: new Map(), sha256: 'test' };
}

async function quantized(graph: FloatGraph, samples: SampleSet): Promise<IntegerGraph> {
  const integer = lowerGraph(graph, planQuantization(graph, await calibrate(graph, samples, { observer: 'min-max', bits: 8 }), { method: 'nearest', bits: 'w8a8', seed: 0 }));
  verifyIntegerGraph(integer);
  return integer;
}

/** Noise of one output in integers, before and after; the function and the bits are checked on the way. */
async function checked(graph: FloatGraph, output: string): Promise<{ readonly before: number; readonly after: number; readonly moved: FloatGraph }> {
  const samples = samplesOf(graph);
  const { graph: moved, migrations } = await migrateOutliers(graph, samples, { weightBits: 8, activationBits: 8 });
  assert.ok(migrations.some(({ isApplied }) => isApplied));
  await expectSameOutputs(graph, moved, { tolerance: 1e-5 });
  const judged = { metric: 'mse', output } as const;
  const real = await floatValues(graph, samples, judged);
  const integers = [await quantized(graph, samples), await quantized(moved, samples)] as const;
  const [before, after] = await Promise.all(integers.map(async (one) => sqnrDb(real, await integerValues(one, samples, judged))));
  const encoded = encodeSamples(integers[1], samples);
  await expectFirmwareMatchesSimulator([{ name: graph.name, graph: integers[1], inputs: [0, 1, 2].map((i) => sampleAt(integers[1], encoded, i)) }], ['host', 'cortex-m7']);
  return { before: before!, after: after!, moved };
}

test('channels off their centres move in front of padding: less noise, the same function, the same bits', async () => {
  const graph = offCentre();
  const { before, after, moved } = await checked(graph, graph.outputs[0]!.name);
  const second = moved.nodes.find((node) => node.origin.nodeName === 'second')!;
  assert.ok((second.attributes['padValues'] as readonly number[]).every((value) => Math.abs(value) > 1), 'padding stands for the middle of every channel');
  assert.ok(after > before + 3, `${before} dB, then ${after} dB`);
});

test('a residual sum gets its values back: less noise, the same function, the same bits', async () => {
  const graph = residual();
  const { before, after, moved } = await checked(graph, graph.outputs[1]!.name);
  assert.is(moved.nodes.filter((node) => node.op === 'depthwise-conv2d').length, 1);
  assert.ok(after > before + 6, `${before} dB, then ${after} dB`);
});

test.run();
