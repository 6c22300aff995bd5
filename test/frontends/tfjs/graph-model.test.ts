/** GraphModels written by hand, run by TensorFlow.js's own graph executor and by the float graph. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createExecutor } from '../../../src/calibration/executor.js';
import { ModelFormatError, UnsupportedOperatorError } from '../../../src/errors.js';
import { importTfjs } from '../../../src/frontends/tfjs/index.js';
import { elementCount } from '../../../src/graph/float.js';
import { verifyFloatGraph } from '../../../src/graph/verify.js';
import { initTensor, tf } from '../../../src/tensor/index.js';
import { uniform, writeModel, type Weight } from './support.js';

const test = suite('TensorFlow.js GraphModel');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-tfjs-'));
test.before(async () => void (await initTensor()));
test.after(() => rmSync(directory, { recursive: true, force: true }));

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: object;
}

const text = (s: string): object => ({ s: Buffer.from(s).toString('base64') });
const ints = (...values: readonly number[]): object => ({ list: { i: values.map(String) } });
const texts = (...values: readonly string[]): object => ({ list: { s: values.map((v) => Buffer.from(v).toString('base64')) } });
const float = { type: 'DT_FLOAT' };
const nhwc = text('NHWC');

/** Collects nodes and weights; every method returns the name of what it added. */
class Model {
  readonly nodes: Node[] = [];
  readonly weights: Weight[] = [];

  input(...shape: number[]): string {
    const name = `x${this.nodes.length}`;
    const dim = [-1, ...shape].map((d) => ({ size: String(d) }));
    this.nodes.push({ name, op: 'Placeholder', attr: { dtype: float, shape: { shape: { dim } } } });
    return name;
  }
  weight(shape: readonly number[], values: Float32Array = uniform(elementCount(shape), 11 + this.nodes.length)): string {
    return this.constant({ name: `w${this.nodes.length}`, shape, dtype: 'float32', values });
  }
  ints(...values: number[]): string {
    return this.constant({ name: `i${this.nodes.length}`, shape: [values.length], dtype: 'int32', values: Int32Array.from(values) });
  }
  int(value: number): string {
    return this.constant({ name: `i${this.nodes.length}`, shape: [], dtype: 'int32', values: Int32Array.of(value) });
  }
  op(op: string, input: readonly string[], attr: object = {}): string {
    const name = `${op}_${this.nodes.length}`;
    this.nodes.push({ name, op, input, attr: { T: float, ...attr } });
    return name;
  }
  save(): string {
    return writeModel({ format: 'graph-model', modelTopology: { node: this.nodes, versions: {} } }, this.weights, directory);
  }
  private constant(weight: Weight): string {
    this.weights.push(weight);
    const dtype = weight.dtype === 'int32' ? { type: 'DT_INT32' } : float;
    const dim = weight.shape.map((d) => ({ size: String(d) }));
    this.nodes.push({ name: weight.name, op: 'Const', attr: { dtype, value: { tensor: { dtype: dtype.type, tensorShape: { dim } } } } });
    return weight.name;
  }
}

async function expectSameOutputs(model: Model): Promise<void> {
  const path = model.save();
  const graph = importTfjs(path);
  verifyFloatGraph(graph);
  const executor = await createExecutor(graph);
  const inputs = new Map(graph.inputs.map((port, i) => [port.name, uniform(elementCount(graph.tensors.get(port.tensor)!.shape), 5 + i)]));
  const actual = await executor.run(inputs, 1);
  const reference = await loadReference(path);
  const feeds = Object.fromEntries(graph.inputs.map((port) => [port.name, tf.tensor(inputs.get(port.name)!, [1, ...graph.tensors.get(port.tensor)!.shape])]));
  for (const port of graph.outputs) {
    const expected = (reference.execute(feeds, port.name) as tf.Tensor).dataSync();
    const values = actual.get(port.tensor)!;
    assert.is(values.length, expected.length);
    values.forEach((v, i) => assert.ok(Math.abs(v - expected[i]!) <= 1e-5 * Math.max(1, Math.abs(expected[i]!)), `${port.name} element ${i}: ${v} is not ${expected[i]}`));
  }
}

/** TensorFlow.js's own executor of the saved files. */
async function loadReference(path: string): Promise<Awaited<ReturnType<typeof loadGraphModel>>> {
  const model = JSON.parse(readFileSync(path, 'utf8')) as { modelTopology: object; weightsManifest: { paths: string[]; weights: never[] }[] };
  const bytes = readFileSync(join(path, '..', model.weightsManifest[0]!.paths[0]!));
  return loadGraphModel({
    load: async () => ({
      modelTopology: model.modelTopology,
      weightSpecs: model.weightsManifest[0]!.weights,
      weightData: new Uint8Array(bytes).buffer,
      format: 'graph-model',
    }),
  });
}

const conv = (strides: readonly [number, number], padding: string): object => ({ strides: ints(1, ...strides, 1), dilations: ints(1, 1, 1, 1), padding: text(padding), data_format: nhwc });

test('a convolutional network of fused operators', async () => {
  const m = new Model();
  const x = m.input(9, 8, 3);
  const a = m.op('_FusedConv2D', [x, m.weight([3, 3, 3, 4]), m.weight([4])], { ...conv([2, 2], 'SAME'), fused_ops: texts('BiasAdd', 'Relu6'), num_args: { i: '1' } });
  const b = m.op('FusedDepthwiseConv2dNative', [a, m.weight([3, 3, 4, 1]), m.weight([4])], { ...conv([1, 1], 'SAME'), fused_ops: texts('BiasAdd', 'Relu'), num_args: { i: '1' } });
  const pooled = m.op('Mean', [m.op('AddV2', [a, b]), m.ints(1, 2)], { keep_dims: { b: false } });
  m.op('Softmax', [m.op('_FusedMatMul', [pooled, m.weight([4, 5]), m.weight([5])], { fused_ops: texts('BiasAdd'), num_args: { i: '1' }, transpose_a: { b: false }, transpose_b: { b: false } })]);
  await expectSameOutputs(m);
});

test('plain convolutions, biases and normalization', async () => {
  const m = new Model();
  const x = m.input(9, 8, 3);
  const a = m.op('BiasAdd', [m.op('Conv2D', [x, m.weight([2, 3, 3, 4])], conv([1, 2], 'VALID')), m.weight([4])], { data_format: nhwc });
  const positive = uniform(4, 3).map((v) => 1.5 + v);
  const n = m.op('FusedBatchNormV3', [a, m.weight([4]), m.weight([4]), m.weight([4]), m.weight([4], positive)], { epsilon: { f: 0.001 }, is_training: { b: false }, data_format: nhwc });
  const d = m.op('DepthwiseConv2dNative', [m.op('Relu', [n]), m.weight([3, 2, 4, 2])], conv([1, 1], 'SAME'));
  const up = m.op('Conv2DBackpropInput', [m.ints(1, 16, 6, 5), m.weight([2, 2, 5, 8]), d], conv([2, 2], 'SAME'));
  m.op('Identity', [up]);
  await expectSameOutputs(m);
});

test('pools, padding, joining and cutting', async () => {
  const m = new Model();
  const x = m.input(8, 8, 4);
  const window = { ksize: ints(1, 2, 2, 1), strides: ints(1, 2, 2, 1), padding: text('SAME'), data_format: nhwc };
  const joined = m.op('ConcatV2', [m.op('MaxPool', [x], window), m.op('AvgPool', [x], window), m.int(3)]);
  const around = m.op('PadV2', [joined, constantPaddings(m), m.weight([], Float32Array.of(0.25))]);
  const part = m.op('StridedSlice', [around, m.ints(0, 1, 1, 0), m.ints(0, 0, 5, 0), m.ints(1, 1, 2, 1)], { begin_mask: { i: '9' }, end_mask: { i: '11' } });
  const moved = m.op('Transpose', [part, m.ints(0, 3, 1, 2)]);
  m.op('Reshape', [moved, m.ints(-1, 2, 4, 10)]);
  m.op('Squeeze', [m.op('ExpandDims', [part, m.int(1)])], { squeeze_dims: ints(1) });
  await expectSameOutputs(m);
});

function constantPaddings(m: Model): string {
  const name = m.ints(0, 0, 1, 1, 2, 0, 0, 0);
  const weight = m.weights.at(-1)!;
  m.weights[m.weights.length - 1] = { ...weight, shape: [4, 2] };
  return name;
}

test('functions and arithmetic', async () => {
  const m = new Model();
  const x = m.input(6);
  const positive = m.op('AddV2', [m.op('Square', [x]), m.weight([], Float32Array.of(0.5))]);
  for (const op of ['Sigmoid', 'Tanh', 'Elu', 'Relu6', 'Exp', 'Abs', 'Neg', 'Softplus', 'Erf']) m.op(op, [x]);
  for (const op of ['Sqrt', 'Rsqrt', 'Log', 'Reciprocal']) m.op(op, [positive]);
  m.op('LeakyRelu', [x], { alpha: { f: 0.1 } });
  m.op('ClipByValue', [x, m.weight([], Float32Array.of(-0.3)), m.weight([], Float32Array.of(0.4))]);
  m.op('SquaredDifference', [x, m.weight([6])]);
  m.op('Maximum', [x, m.weight([], Float32Array.of(0.1))]);
  m.op('Sub', [m.op('Mul', [x, m.weight([6])]), m.op('RealDiv', [x, m.weight([], Float32Array.of(3))])]);
  await expectSameOutputs(m);
});

test('a signature names the outputs, and only those are imported', () => {
  const m = new Model();
  const x = m.input(6);
  const kept = m.op('Relu', [x]);
  m.op('Cos', [x]);
  const path = m.save();
  const model = JSON.parse(readFileSync(path, 'utf8')) as object;
  writeFileSync(path, JSON.stringify({ ...model, signature: { inputs: { x: { name: `${x}:0` } }, outputs: { scores: { name: `${kept}:0` } } } }));
  const graph = importTfjs(path);
  assert.equal(graph.outputs.map((o) => o.name), ['scores']);
  assert.equal(graph.nodes.map((n) => n.op), ['clamp']);
});

test('operators that are not imported are named, all of them', () => {
  const m = new Model();
  const x = m.input(6);
  m.op('Relu', [m.op('Cos', [x])]);
  m.op('TopKV2', [x, m.int(2)]);
  try {
    importTfjs(m.save());
    assert.unreachable();
  } catch (error) {
    assert.instance(error, UnsupportedOperatorError);
    assert.is((error as UnsupportedOperatorError).nodes.map((n) => n.origin.opType).join(), 'Cos,TopKV2');
  }
});

test('a cycle and an undefined node are refused', () => {
  const m = new Model();
  const x = m.input(6);
  m.nodes.push({ name: 'a', op: 'AddV2', input: [x, 'b'] }, { name: 'b', op: 'Relu', input: ['a'] }, { name: 'c', op: 'Relu', input: ['b'] });
  assert.throws(() => importTfjs(m.save()), (e: unknown) => e instanceof ModelFormatError && /cycle/.test(e.message));
  const n = new Model();
  n.op('Relu', ['nowhere']);
  assert.throws(() => importTfjs(n.save()), (e: unknown) => e instanceof ModelFormatError && /nowhere/.test(e.message));
});

test.run();
