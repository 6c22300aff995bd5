/** Every imported layer against TensorFlow.js itself: the same weights, the same inputs, the same outputs. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tfl from '@tensorflow/tfjs-layers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../../src/calibration/executor.js';
import { PtqError, UnsupportedOperatorError } from '../../../src/errors.js';
import { importTfjs } from '../../../src/frontends/tfjs/index.js';
import { verifyFloatGraph } from '../../../src/graph/verify.js';
import { initTensor, tf } from '../../../src/tensor/index.js';
import { saveModel, uniform, type StoredAs } from './support.js';

const test = suite('TensorFlow.js LayersModel');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-tfjs-'));
test.before(async () => void (await initTensor()));
test.after(() => rmSync(directory, { recursive: true, force: true }));

/** Weights that are not the initializers' zeros and ones, so that a forgotten one is seen; variances stay positive. */
function randomize(model: tfl.LayersModel): void {
  model.setWeights(
    model.weights.map((w, i) => {
      const shape = w.shape as number[];
      const values = uniform(tf.util.sizeFromShape(shape), 100 + i);
      const positive = w.name.includes('variance') ? values.map((v) => 0.5 + Math.abs(v)) : values;
      return tf.tensor(positive, shape);
    }),
  );
}

async function expectSameOutputs(model: tfl.LayersModel, stored: StoredAs = 'float32', tolerance = 1e-5, rewrite: (path: string) => void = () => undefined): Promise<void> {
  randomize(model);
  const path = await saveModel(model, directory, stored);
  rewrite(path);
  const graph = importTfjs(path);
  verifyFloatGraph(graph);
  const samples = 3;
  const inputs = graph.inputs.map((port, i) => uniform(samples * tf.util.sizeFromShape([...graph.tensors.get(port.tensor)!.shape]), 7 + i));
  const batches = model.inputs.map((input, i) => tf.tensor(inputs[i]!, [samples, ...(input.shape.slice(1) as number[])]));
  const predicted = model.predict(batches.length === 1 ? batches[0]! : batches);
  const expected = (Array.isArray(predicted) ? predicted : [predicted]).map((t) => Float32Array.from(t.dataSync()));
  const executor = await createExecutor(graph);
  const actual = await executor.run(new Map(graph.inputs.map((port, i) => [port.name, inputs[i]!])), samples);
  graph.outputs.forEach((port, o) => {
    const values = actual.get(port.tensor)!;
    assert.is(values.length, expected[o]!.length);
    const largest = expected[o]!.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    values.forEach((v, i) => assert.ok(Math.abs(v - expected[o]![i]!) <= tolerance * largest, `output ${o} element ${i}: ${v} is not ${expected[o]![i]}`));
  });
}

const L = tfl.layers;
const image = [9, 8, 3];
const line = [16, 3];

/** One layer (or chain) a case: name, input shape, layers. */
const chains: readonly (readonly [string, readonly number[], readonly (() => tfl.layers.Layer)[]])[] = [
  ['Conv2D same, strided, relu', image, [() => L.conv2d({ filters: 4, kernelSize: [3, 2], strides: 2, padding: 'same', activation: 'relu' })]],
  ['Conv2D valid, dilated, no bias', image, [() => L.conv2d({ filters: 4, kernelSize: 3, dilationRate: 2, useBias: false })]],
  ['Conv1D', line, [() => L.conv1d({ filters: 5, kernelSize: 3, strides: 2, padding: 'same', activation: 'tanh' })]],
  ['DepthwiseConv2D, multiplier 2', image, [() => L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 2, padding: 'same' })]],
  ['DepthwiseConv2D of one channel', [9, 8, 1], [() => L.depthwiseConv2d({ kernelSize: 3, depthMultiplier: 4 })]],
  ['SeparableConv2D', image, [() => L.separableConv2d({ filters: 6, kernelSize: 3, depthMultiplier: 2, padding: 'same', activation: 'relu6' })]],
  ['Conv2DTranspose same', image, [() => L.conv2dTranspose({ filters: 4, kernelSize: 3, strides: 2, padding: 'same' })]],
  ['Conv2DTranspose valid', image, [() => L.conv2dTranspose({ filters: 4, kernelSize: [2, 3], strides: 2 })]],
  ['Dense on a vector, softmax', [7], [() => L.dense({ units: 5, activation: 'softmax' })]],
  ['Dense on rows, sigmoid', [4, 7], [() => L.dense({ units: 5, activation: 'sigmoid' })]],
  ['BatchNormalization', image, [() => L.batchNormalization({})]],
  ['BatchNormalization without scale and center', image, [() => L.batchNormalization({ scale: false, center: false, epsilon: 0.01 })]],
  ['LayerNormalization', [5, 6], [() => L.layerNormalization({})]],
  ['Activation elu, hardSigmoid, swish', [20], [() => L.activation({ activation: 'elu' }), () => L.activation({ activation: 'hardSigmoid' }), () => L.activation({ activation: 'swish' })]],
  ['ReLU with a ceiling', [20], [() => L.reLU({ maxValue: 0.5 })]],
  ['LeakyReLU, ELU, Softmax', [20], [() => L.leakyReLU({ alpha: 0.2 }), () => L.elu(), () => L.softmax({ axis: -1 })]],
  ['MaxPooling2D same', image, [() => L.maxPooling2d({ poolSize: 3, strides: 2, padding: 'same' })]],
  ['AveragePooling2D same', image, [() => L.averagePooling2d({ poolSize: [3, 2], strides: 2, padding: 'same' })]],
  ['MaxPooling1D and AveragePooling1D', line, [() => L.maxPooling1d({ poolSize: 2 }), () => L.averagePooling1d({ poolSize: 3, strides: 1, padding: 'same' })]],
  ['GlobalAveragePooling2D', image, [() => L.globalAveragePooling2d({})]],
  ['GlobalMaxPooling2D', image, [() => L.globalMaxPooling2d({})]],
  ['GlobalAveragePooling1D', line, [() => L.globalAveragePooling1d({})]],
  ['GlobalMaxPooling1D', line, [() => L.globalMaxPooling1d({})]],
  ['Flatten, Reshape, Permute', image, [() => L.flatten(), () => L.reshape({ targetShape: [8, -1, 3] }), () => L.permute({ dims: [3, 1, 2] })]],
  ['ZeroPadding2D, Cropping2D', image, [() => L.zeroPadding2d({ padding: [[1, 2], [0, 3]] }), () => L.cropping2D({ cropping: [[2, 1], [1, 0]] })]],
  ['UpSampling2D', image, [() => L.upSampling2d({ size: [2, 3] })]],
  ['Dropout, GaussianNoise', image, [() => L.dropout({ rate: 0.5 }), () => L.gaussianNoise({ stddev: 1 })]],
];

for (const [name, shape, layers] of chains) {
  test(name, () => expectSameOutputs(tfl.sequential({ layers: [L.inputLayer({ inputShape: [...shape] }), ...layers.map((make) => make())] })));
}

function branches(): tfl.LayersModel {
  const input = tfl.input({ shape: image });
  const apply = (layer: tfl.layers.Layer, x: tfl.SymbolicTensor | tfl.SymbolicTensor[]): tfl.SymbolicTensor => layer.apply(x) as tfl.SymbolicTensor;
  const a = apply(L.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }), input);
  const b = apply(L.conv2d({ filters: 4, kernelSize: 1 }), input);
  const shared = L.conv2d({ filters: 4, kernelSize: 1 });
  const sum = apply(L.add(), [apply(shared, a), apply(shared, b), a]);
  const product = apply(L.multiply(), [sum, b]);
  const mean = apply(L.average(), [product, a]);
  const joined = apply(L.concatenate(), [mean, sum]);
  return tfl.model({ inputs: input, outputs: [apply(L.globalAveragePooling2d({}), joined), mean] });
}

test('functional model with branches, a layer used twice and two outputs', () => expectSameOutputs(branches()));

test('two inputs', () => {
  const a = tfl.input({ shape: [6] });
  const b = tfl.input({ shape: [6] });
  return expectSameOutputs(tfl.model({ inputs: [a, b], outputs: L.dense({ units: 3 }).apply(L.add().apply([a, b])) as tfl.SymbolicTensor }));
});

test('nested models, sequential and functional', () => {
  const block = tfl.sequential({ layers: [L.conv2d({ inputShape: image, filters: 4, kernelSize: 3 }), L.reLU()] });
  const inside = tfl.input({ shape: [7, 6, 4] });
  const residual = tfl.model({ inputs: inside, outputs: L.add().apply([inside, L.conv2d({ filters: 4, kernelSize: 3, padding: 'same' }).apply(inside) as tfl.SymbolicTensor]) as tfl.SymbolicTensor });
  const input = tfl.input({ shape: image });
  const once = residual.apply(block.apply(input)) as tfl.SymbolicTensor;
  const twice = residual.apply(once) as tfl.SymbolicTensor;
  const outer = tfl.sequential();
  outer.add(tfl.model({ inputs: input, outputs: twice }));
  outer.add(L.flatten());
  outer.add(L.dense({ units: 2 }));
  return expectSameOutputs(outer);
});

/** The same model as Keras 3 writes it: keras_history instead of lists, batch_shape, dtype policies, a model_config around. */
function asKeras3(path: string): void {
  const model = JSON.parse(readFileSync(path, 'utf8')) as { modelTopology: KerasModel };
  const { class_name, config } = model.modelTopology;
  for (const layer of config.layers) {
    layer.inbound_nodes = layer.inbound_nodes.map((call) => {
      const tensors = (call as unknown[][]).map((history) => ({ class_name: '__keras_tensor__', config: { shape: [null], dtype: 'float32', keras_history: history.slice(0, 3) } }));
      return { args: tensors.length === 1 ? tensors : [tensors], kwargs: {} };
    });
    if (layer.config['batch_input_shape']) layer.config['batch_shape'] = layer.config['batch_input_shape'];
    delete layer.config['batch_input_shape'];
    if (layer.class_name !== 'InputLayer') layer.config['dtype'] = { module: 'keras', class_name: 'DTypePolicy', config: { name: 'float32' } };
  }
  const single = config.output_layers.length === 1 ? config.output_layers[0] : config.output_layers;
  const topology = { keras_version: '3.5.0', backend: 'tensorflow', model_config: { class_name: class_name === 'Model' ? 'Functional' : class_name, config: { ...config, output_layers: single } } };
  writeFileSync(path, JSON.stringify({ ...model, modelTopology: topology }));
}

interface KerasModel {
  readonly class_name: string;
  readonly config: { readonly layers: { readonly class_name: string; config: Record<string, unknown>; inbound_nodes: unknown[] }[]; readonly output_layers: readonly unknown[] };
}

test('a model in the form of Keras 3', () => expectSameOutputs(branches(), 'float32', 1e-5, asKeras3));

const small = (): tfl.LayersModel => tfl.sequential({ layers: [L.conv2d({ inputShape: image, filters: 4, kernelSize: 3 }), L.batchNormalization(), L.flatten(), L.dense({ units: 3 })] });
test('weights in several shards', () => expectSameOutputs(small(), 'shards'));
test('weights as float16', () => expectSameOutputs(small(), 'float16', 5e-3));
test('weights as uint16', () => expectSameOutputs(small(), 'uint16', 1e-3));
test('weights as uint8', () => expectSameOutputs(small(), 'uint8', 0.1));

/** TensorFlow.js saves it but cannot run it, so the expected values are the sum itself: y[t] = Σ w[k]·x[t − 2(2 − k)]. */
test('Conv1D causal, dilated', async () => {
  const model = tfl.sequential({ layers: [L.conv1d({ inputShape: [10, 1], filters: 1, kernelSize: 3, dilationRate: 2, useBias: false })] });
  const weights = [0.5, -1, 2];
  model.setWeights([tf.tensor(weights, [3, 1, 1])]);
  const path = await saveModel(model, directory, 'float32');
  writeFileSync(path, readFileSync(path, 'utf8').replace('"padding":"valid"', '"padding":"causal"'));
  const graph = importTfjs(path);
  const x = uniform(10, 3);
  const result = await (await createExecutor(graph)).run(new Map([[graph.inputs[0]!.name, x]]), 1);
  const expected = Array.from(x, (_, t) => weights.reduce((sum, w, k) => sum + w * (x[t - 2 * (2 - k)] ?? 0), 0));
  result.get(graph.outputs[0]!.tensor)!.forEach((v, i) => assert.ok(Math.abs(v - expected[i]!) < 1e-6));
});

test('layers that are not imported are named, all of them', async () => {
  const input = tfl.input({ shape: [6] });
  const apply = (layer: tfl.layers.Layer): tfl.SymbolicTensor => layer.apply(input) as tfl.SymbolicTensor;
  const model = tfl.model({ inputs: input, outputs: [apply(L.prelu({ name: 'slope' })), apply(L.thresholdedReLU({ name: 'step' })), apply(L.dense({ units: 2 }))] });
  const error = failure(await saveModel(model, directory, 'float32'));
  assert.instance(error, UnsupportedOperatorError);
  assert.is((error as UnsupportedOperatorError).nodes.map((n) => n.origin.nodeName).join(), 'slope,step');
});

function failure(path: string): unknown {
  try {
    importTfjs(path);
  } catch (error) {
    return error;
  }
  return assert.unreachable('the model was imported');
}

test('damaged models are refused with the reason', async () => {
  const path = await saveModel(small(), directory, 'float32');
  const whole = readFileSync(path, 'utf8');
  const shard = join(path, '../shard1.bin');
  const bytes = readFileSync(shard);
  const cases: readonly (readonly [string, () => void, RegExp])[] = [
    ['half the JSON', () => writeFileSync(path, whole.slice(0, whole.length / 2)), /is not JSON/],
    ['a short shard', () => writeFileSync(shard, bytes.subarray(0, 100)), /ends at byte/],
    ['a long shard', () => writeFileSync(shard, Buffer.concat([bytes, bytes])), /the manifest describes/],
    ['a missing shard', () => rmSync(shard), /cannot be read/],
    ['a shard elsewhere', () => writeFileSync(path, whole.replace('shard1.bin', '../../etc/passwd')), /does not lie beside/],
    ['no topology', () => writeFileSync(path, '{"weightsManifest":[]}'), /modelTopology/],
    ['a missing weight', () => writeFileSync(path, whole.replace('/moving_mean', '/moved_mean')), /moving_mean/],
    ['a wrong shape', () => writeFileSync(path, whole.replace('[null,9,8,3]', '[null,9,8,5]')), /channels/],
    ['a NaN weight', () => writeFileSync(shard, Buffer.concat([Buffer.from(Float32Array.of(NaN).buffer), bytes.subarray(4)])), /NaN/],
  ];
  for (const [name, damage, reason] of cases) {
    writeFileSync(path, whole);
    writeFileSync(shard, bytes);
    damage();
    const error = failure(path);
    assert.instance(error, PtqError, name);
    assert.match((error as Error).message, reason, name);
  }
});

test.run();
