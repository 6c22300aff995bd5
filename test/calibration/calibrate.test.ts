/** The executor, and calibration on it. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, createExecutor, type SampleSet } from '../../src/calibration/index.js';
import { CalibrationError } from '../../src/errors.js';
import type { FloatGraph } from '../../src/graph/float.js';
import { tf } from '../../src/tensor/index.js';
import { newBuilder, origin, randomArray, randomNumbers } from '../support/float-graphs.js';

const test = suite('executor and calibration');

/** y = relu(x·W + b), z = y + x; `fixed` hangs on constants alone. */
function smallGraph(): FloatGraph {
  const builder = newBuilder();
  const x = builder.input('x', [2], 'float32');
  const weights = builder.constant('w', [2, 2], Float32Array.of(1, 2, 3, 4));
  const bias = builder.constant('b', [2], Float32Array.of(0, -10));
  const y = builder.apply('dense', [x, weights, bias], { activation: { min: 0, max: Number.POSITIVE_INFINITY } }, origin('y'));
  builder.output('z', builder.apply('add', [y, x], { activation: null }, origin('z')));
  builder.output('fixed', builder.apply('mul', [bias, bias], { activation: null }, origin('fixed')));
  return builder.build();
}

const INPUT = new Map([['x', Float32Array.of(1, 1, 2, 3, -1, -1)]]);

test('outputs, kept tensors and constants, in any batch', async () => {
  const executor = await createExecutor(smallGraph());
  for (const batch of [1, 2, 3, 100]) {
    const results = await executor.run(INPUT, 3, { batch, keep: ['y', 'x'] });
    assert.equal([...results.get('y')!], [3, 0, 8, 8, 0, 0], `batch ${batch}`);
    assert.equal([...results.get('z')!], [4, 1, 10, 11, -1, -1]);
    assert.equal([...results.get('fixed')!], [0, 100, 0, 100, 0, 100]);
    assert.equal([...results.get('x')!], [...INPUT.get('x')!]);
  }
  executor.dispose();
});

test('transform takes a value\'s place; constants can be replaced for a run', async () => {
  const executor = await createExecutor(smallGraph());
  const halved = await executor.run(INPUT, 3, { transform: (id, value) => (id === 'y' ? tf.mul(value, 0.5) : value) });
  assert.equal([...halved.get('z')!], [2.5, 1, 6, 7, -1, -1]);
  const replaced = await executor.run(INPUT, 3, { constants: new Map([['b', Float32Array.of(1, 1)]]) });
  assert.equal([...replaced.get('fixed')!.slice(0, 2)], [1, 1]);
  assert.equal([...replaced.get('z')!.slice(0, 2)], [5, 9]);
  assert.equal([...(await executor.run(INPUT, 3)).get('fixed')!.slice(0, 2)], [0, 100]);
  executor.dispose();
});

test('no tensor is left behind, also after a failure', async () => {
  const executor = await createExecutor(smallGraph());
  await executor.run(INPUT, 3);
  const before = tf.memory().numTensors;
  await executor.run(INPUT, 3, { batch: 2, keep: ['y'], transform: (_, value) => tf.add(value, 1), constants: new Map([['w', Float32Array.of(1, 1, 1, 1)]]) });
  const failing = executor.run(INPUT, 3, { transform: () => { throw new Error('stop'); } });
  assert.is(await failing.then(() => 'done', (error: Error) => error.message), 'stop');
  assert.is(tf.memory().numTensors, before);
  executor.dispose();
});

test('data that do not fit are named', async () => {
  const executor = await createExecutor(smallGraph());
  for (const [samples, message] of [[new Map(), /no data for input 'x'/], [new Map([['x', new Float32Array(5)]]), /needs 3 samples of \[2\] = 6 values, not 5/]] as const) {
    const error = await executor.run(samples, 3).catch((e: unknown) => e);
    assert.ok(error instanceof CalibrationError && message.test(error.message));
  }
  executor.dispose();
});

test('integer inputs pick rows of a table', async () => {
  const builder = newBuilder();
  const table = builder.constant('table', [3, 2], Float32Array.of(0, 1, 10, 11, 20, 21));
  builder.output('y', builder.apply('gather', [table, builder.input('token', [2], 'int32')], { axis: 0 }, origin('gather')));
  const executor = await createExecutor(builder.build());
  const results = await executor.run(new Map([['token', Int32Array.of(2, 0, 1, 1)]]), 2);
  assert.equal([...results.get('gather')!], [20, 21, 0, 1, 10, 11, 10, 11]);
  executor.dispose();
});

function samplesOf(x: Float32Array): SampleSet {
  return { count: x.length / 2, inputs: new Map([['x', x]]), codes: new Map(), raw: new Map(), sha256: 'digest' };
}

test('ranges and histograms of every activation', async () => {
  const table = await calibrate(smallGraph(), samplesOf(INPUT.get('x')!), { observer: 'min-max', bits: 8 });
  assert.equal([...table.ranges.keys()].sort(), ['x', 'y', 'z']);
  const { low, high, min, max, histogram } = table.ranges.get('y')!;
  assert.equal([low, high, min, max], [0, 8, 0, 8]);
  assert.equal([table.ranges.get('x')!.low, table.ranges.get('x')!.high], [-1, 3]);
  assert.is(histogram.counts.length, 2048);
  assert.is(histogram.counts.reduce((a, b) => a + b, 0), 6);
  assert.is(histogram.counts[0], 3);
  assert.equal([table.observer, table.samples, table.sha256], ['min-max', 3, 'digest']);
});

test('the same samples give the same table', async () => {
  const x = randomArray(600, randomNumbers(5));
  for (const observer of ['percentile', 'mse', 'kl'] as const) {
    const [a, b] = [await calibrate(smallGraph(), samplesOf(x), { observer, bits: 8 }), await calibrate(smallGraph(), samplesOf(x), { observer, bits: 8 })];
    assert.equal([...a.ranges], [...b.ranges]);
  }
});

test('a layer that overflows is named', async () => {
  const builder = newBuilder();
  builder.output('y', builder.apply('unary', [builder.input('x', [2], 'float32')], { function: 'exp', alpha: 0, beta: 0 }, origin('exponent')));
  const error = await calibrate(builder.build(), samplesOf(Float32Array.of(1, 1000)), { observer: 'min-max', bits: 8 }).catch((e: unknown) => e);
  assert.ok(error instanceof CalibrationError);
  assert.match((error as CalibrationError).message, /'exponent' becomes NaN or infinite/);
  assert.is((error as CalibrationError).origin?.nodeName, 'exponent');
});

test.run();
