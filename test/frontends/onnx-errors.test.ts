/** Bad ONNX files get one clear error that names the file and the node. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { EXIT, FileError, ModelFormatError, PtqError, UnsupportedOperatorError } from '../../src/errors.js';
import { loadModel } from '../../src/frontends/index.js';
import { importOnnx } from '../../src/frontends/onnx/index.js';
import { encodeModel } from '../../src/frontends/onnx/proto.js';
import { codes, floats, importParts, integers, modelBytes, modelMessage, node, port, ramp, type ModelParts } from './onnx-writer.js';

const errors = suite('ONNX errors');

const relu: ModelParts = { nodes: [node('Relu', ['x'], ['y'], {}, 'act')], inputs: [port('x', [1, 4])], outputs: [port('y', [1, 4])] };
const dense: ModelParts = {
  nodes: [node('Gemm', ['x', 'w'], ['y'], { transB: 1 }, 'fc')],
  inputs: [port('x', [1, 4])],
  outputs: [port('y', [1, 2])],
  constants: [floats('w', [2, 4], ramp(8))],
};

/** The error that `run` throws must be of this class and its message must match every pattern. */
function throws<T extends PtqError>(run: () => unknown, type: new (...args: never[]) => T, ...patterns: readonly RegExp[]): T {
  try {
    run();
  } catch (error) {
    assert.instance(error, type, String(error));
    for (const pattern of patterns) assert.match((error as Error).message, pattern);
    return error as T;
  }
  return assert.unreachable('nothing was thrown') as never;
}

errors('truncated files, at every length', () => {
  const whole = modelBytes(dense);
  for (let length = 0; length < whole.length; length++) {
    const error = throws(() => importOnnx(whole.subarray(0, length), 'model.onnx'), ModelFormatError, /model\.onnx/);
    assert.is(error.exitCode, EXIT.badInput);
  }
});

errors('flipped bytes never end in anything but a clear error', () => {
  const whole = modelBytes(dense);
  for (let i = 0; i < whole.length; i++) {
    for (const mask of [0x01, 0x80, 0xff]) {
      const damaged = Uint8Array.from(whole);
      damaged[i] = damaged[i]! ^ mask;
      try {
        importOnnx(damaged, 'model.onnx');
      } catch (error) {
        assert.instance(error, PtqError, `byte ${i}: ${(error as Error).stack}`);
      }
    }
  }
});

errors('other files', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ptq-gen-'));
  try {
    const files: readonly (readonly [string, Uint8Array, RegExp])[] = [
      ['empty.onnx', new Uint8Array(), /empty\.onnx: the file is empty/],
      ['noise.onnx', Uint8Array.from(ramp(200, 77, 13)), /noise\.onnx: not an ONNX model/],
      ['checkpoint.onnx', new TextEncoder().encode('PK\u0003\u0004 and so on'), /zip archive/],
      ['model.tflite', modelBytes(relu), /model\.tflite: not a TFLite file/],
      ['text.onnx', new TextEncoder().encode('hello, this is no model'), /not an ONNX model/],
    ];
    for (const [name, bytes, pattern] of files) {
      writeFileSync(join(folder, name), bytes);
      const error = await loadModel(join(folder, name)).catch((e: unknown) => e);
      assert.instance(error, ModelFormatError, String(error));
      assert.match((error as Error).message, pattern);
    }
    const missing = await loadModel(join(folder, 'nothing.onnx')).catch((e: unknown) => e);
    assert.instance(missing, FileError);
    writeFileSync(join(folder, 'good.onnx'), modelBytes(relu));
    assert.is((await loadModel(join(folder, 'good.onnx'))).nodes.length, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

errors('cycles are named', () => {
  const parts = { ...relu, nodes: [node('Add', ['x', 'c'], ['a'], {}, 'first'), node('Relu', ['a'], ['b'], {}, 'second'), node('Relu', ['b'], ['c'], {}, 'third'), node('Relu', ['c'], ['y'])] };
  throws(() => importParts(parts), ModelFormatError, /cycle/, /'first'/, /'second'/, /'third'/);
  throws(() => importParts({ ...relu, nodes: [node('Add', ['x', 'y'], ['y'], {}, 'self')] }), ModelFormatError, /cycle.*'self'/);
});

errors('nodes out of order are put in order', () => {
  const graph = importParts({ ...relu, nodes: [node('Relu', ['a'], ['y'], {}, 'second'), node('Sigmoid', ['x'], ['a'], {}, 'first')] });
  assert.equal(graph.nodes.map((n) => n.origin.nodeName), ['first', 'second']);
});

errors('values that nothing produces, or two nodes do', () => {
  throws(() => importParts({ ...relu, nodes: [node('Relu', ['ghost'], ['y'], {}, 'act')] }), ModelFormatError, /test\.onnx.*'act' reads 'ghost'/);
  throws(() => importParts({ ...relu, outputs: [port('ghost', [1, 4])] }), ModelFormatError, /nothing produces the output 'ghost'/);
  throws(() => importParts({ ...relu, nodes: [...relu.nodes, node('Sigmoid', ['x'], ['y'], {}, 'twice')] }), ModelFormatError, /'y' is produced twice.*'twice'/);
  throws(() => importParts({ ...dense, nodes: [node('Gemm', ['x'], ['y'], {}, 'fc')] }), ModelFormatError, /'fc': input 1 is missing/);
});

errors('tensors larger than the file', () => {
  throws(() => importParts({ ...dense, constants: [{ name: 'w', dims: [2_000_000_000, 2_000_000], dataType: 1, floatData: [1] }] }), ModelFormatError, /initializer 'w' claims float32/);
  throws(() => importParts({ ...dense, constants: [{ name: 'w', dims: [2, 4], dataType: 1, rawData: new Uint8Array(31) }] }), ModelFormatError, /32 bytes, but 31 bytes are stored/);
  throws(() => importParts({ ...dense, constants: [{ name: 'w', dims: [-2, 4], dataType: 1, floatData: [] }] }), ModelFormatError, /impossible shape/);
});

errors('weights that are not finite', () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
    const error = throws(() => importParts({ ...dense, constants: [floats('w', [2, 4], [...ramp(7), bad])] }), ModelFormatError, /constant 'w' of Gemm 'fc' holds/);
    assert.is(error.origin?.nodeName, 'fc');
  }
});

errors('data in other files, strings, sparse weights', () => {
  const external = { name: 'w', dims: [2, 4], dataType: 1, dataLocation: 1, externalData: [{ key: 'location', value: 'weights.bin' }] };
  throws(() => importParts({ ...dense, constants: [external] }), ModelFormatError, /'w' is stored outside the model, in 'weights\.bin'/);
  throws(() => importParts({ ...dense, constants: [{ name: 'w', dims: [1], dataType: 8 }] }), ModelFormatError, /element type string/);
  const message = modelMessage(dense);
  const sparse = { ...message, graph: { ...message.graph, sparseInitializer: [new Uint8Array()] } };
  throws(() => importOnnx(encodeModel(sparse), 'test.onnx'), ModelFormatError, /sparse/);
});

errors('opsets outside the range', () => {
  for (const opset of [6, 22]) throws(() => importParts({ ...relu, opset }), ModelFormatError, /opset \d+ is outside 7 to 21/);
});

errors('shapes that are not static, or have no elements', () => {
  throws(() => importParts({ ...relu, inputs: [port('x', ['batch', 'length'])] }), ModelFormatError, /axis 1 \('length'\) of input 'x'/);
  throws(() => importParts({ ...relu, inputs: [{ name: 'x' }] }), ModelFormatError, /input 'x' has no shape/);
  throws(() => importParts({ ...relu, inputs: [port('x', [1, 0])] }), ModelFormatError, /axis 1 of input 'x' has length 0/);
});

errors('shapes that contradict each other name the node', () => {
  throws(() => importParts({ ...dense, inputs: [port('x', [1, 5])] }), ModelFormatError, /'fc': multiplies 5 columns by 4 rows/);
  throws(() => importParts({ ...dense, nodes: [node('Add', ['x', 'w'], ['y'], {}, 'sum')], inputs: [port('x', [1, 5])] }), ModelFormatError, /'sum': shapes do not broadcast/);
  throws(() => importParts({ ...relu, nodes: [node('Reshape', ['x', 's'], ['y'], {}, 're')], constants: [integers('s', [3, -1])] }), ModelFormatError, /'re': cannot reshape \[1, 4\] to \[3, -1\]/);
  const conv = { ...relu, inputs: [port('x', [1, 3, 8, 8])], nodes: [node('Conv', ['x', 'w'], ['y'], {}, 'conv')], constants: [floats('w', [2, 4, 1, 1], ramp(8))] };
  throws(() => importParts(conv), ModelFormatError, /'conv' has|'conv': has 2 filters of 4 channels/);
  const large = { ...conv, constants: [floats('w', [1, 3, 9, 9], ramp(243))] };
  const error = throws(() => importParts(large), PtqError);
  assert.is(error.origin?.nodeName, 'conv');
});

errors('everything that is not supported is listed at once, with the nearest supported form', () => {
  const parts: ModelParts = {
    nodes: [
      node('LSTM', ['x', 'w'], ['a'], {}, 'rnn'),
      node('Relu', ['a'], ['b'], {}, 'behind'),
      node('Pow', ['x', 'three'], ['c'], {}, 'power'),
      node('Frobnicate', ['b'], ['d'], {}, 'odd'),
      node('MaxPool', ['image'], ['e'], { kernel_shape: [2, 2], dilations: [2, 2] }, 'pool'),
    ],
    inputs: [port('x', [1, 4]), port('image', [1, 1, 8, 8])],
    outputs: [port('d', [1, 4])],
    constants: [floats('w', [1], [1]), floats('three', [], [2.7])],
  };
  const error = throws(() => importParts(parts), UnsupportedOperatorError, /LSTM 'rnn'/, /Pow 'power'/, /Frobnicate 'odd'/, /MaxPool 'pool'/);
  assert.is(error.exitCode, EXIT.unsupported);
  assert.equal(error.nodes.map((n) => n.origin.nodeName), ['rnn', 'power', 'odd', 'pool']);
  for (const n of error.nodes) assert.ok(n.nearest, n.origin.nodeName);
});

errors('damaged scales of quantized files', () => {
  const parts: ModelParts = {
    nodes: [node('DequantizeLinear', ['w8', 'scale'], ['w'], {}, 'dq'), node('Gemm', ['x', 'w'], ['y'], { transB: 1 })],
    inputs: [port('x', [1, 2])],
    outputs: [port('y', [1, 2])],
    constants: [codes('w8', 'int8', [2, 2], [1, 2, 3, 4]), floats('scale', [], [0])],
  };
  throws(() => importParts(parts), ModelFormatError, /'dq': has a scale that is not a positive number/);
});

errors.run();
