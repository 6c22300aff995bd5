/** `ptq-gen inspect` on every kind of file: the figures it prints, and that it is quick. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import * as tfl from '@tensorflow/tfjs-layers';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inspectCommand } from '../../src/commands/inspect.js';
import { FileError, ModelFormatError, UnsupportedOperatorError } from '../../src/errors.js';
import { saveIntegerGraph } from '../../src/graph/serialize.js';
import { initTensor } from '../../src/tensor/index.js';
import { saveModel } from '../frontends/tfjs/support.js';
import { writeTflite } from '../frontends/tflite/writer.js';
import { sampleGraph } from '../graph/sample.js';
import { benchDirectory, leftOut, repositoryRoot } from '../support/bench.js';

const test = suite('inspect');
const directory = mkdtempSync(join(tmpdir(), 'ptq-gen-inspect-'));
test.after(() => rmSync(directory, { recursive: true, force: true }));
/** Colours would stand between the words. */
const plain = async (path: string, graph = false): Promise<string> => stripVTControlCharacters(await inspectCommand(path, { graph }));
const file = (name: string): string => join(directory, name);

const bench = benchDirectory();
if (bench) {
  const folders = [join(bench, 'models'), join(bench, 'models/mlperf-tiny')];
  const models = folders.flatMap((f) => readdirSync(f).filter((n) => /\.(onnx|tflite)$/.test(n)).map((n) => join(f, n)));
  for (const path of models) {
    test(`${path.split('/').at(-1)} within 2 s`, async () => {
      const started = performance.now();
      const text = await plain(path);
      assert.ok(performance.now() - started < 2000);
      assert.match(text, /^total +[\d,]+ +[\d,]+/m);
    });
  }
  test('an int8 file: scales of the ports, layers, totals', async () => {
    const text = await plain(join(bench, 'models/mlperf-tiny/kws_ref_model.tflite'));
    assert.match(text, 'input   input_1 [1, 49, 10, 1] i8, scale 0.5847029, zero point 83');
    assert.match(text, 'output  Identity [1, 12] i8, scale 0.00390625, zero point -128');
    assert.match(text, /total +22,604 +2,656,768/);
    assert.match(text, 'every operator can be quantized');
  });
} else leftOut(19, 'models to inspect (PTQ_GEN_BENCH)');

test('products that make what nobody reads', async () => {
  const text = await plain(join(repositoryRoot(), 'firmware-samples/shapes-vit/shapes-vit.onnx'));
  assert.match(text, /^total +24,872 +626,816/m);
  assert.match(text, '1,006,976 nominal MACs of the imported model, of which 380,160 make what nobody reads and are left out');
});

test('an integer graph: types, bytes of constants, widest accumulator', async () => {
  saveIntegerGraph(sampleGraph(), file('sample.ptq.json'));
  const text = await plain(file('sample.ptq.json'), true);
  assert.match(text, /y +conv2d +i8 6x5x4 +112/);
  // 108 + 240 bytes of weights, 4 + 2 biases of four bytes.
  assert.match(text, '372 bytes of constants');
  assert.match(text, /accumulators of at most 2\d bits/);
  assert.match(text, 'y: conv2d(x, const w');
});

test('a TensorFlow.js model: layers by their own names', async () => {
  await initTensor();
  const model = tfl.sequential({ layers: [tfl.layers.conv2d({ inputShape: [8, 8, 3], filters: 4, kernelSize: 3, name: 'first' }), tfl.layers.flatten(), tfl.layers.dense({ units: 2, name: 'last' })] });
  const text = await plain(await saveModel(model, directory, 'float32'));
  // 6·6·4 outputs of 27 products; 144·2 products.
  assert.match(text, /first +conv2d +6x6x4 +112 +3,888/);
  assert.match(text, /last +dense +2 +290 +288/);
});

test('files that are no models', async () => {
  writeFileSync(file('empty.tflite'), '');
  writeFileSync(file('half.json'), '{"modelTopology":');
  for (const [path, kind] of [['empty.tflite', ModelFormatError], ['half.json', ModelFormatError], ['missing.onnx', FileError], ['missing.json', FileError]] as const) {
    await inspectCommand(file(path)).then(
      () => assert.unreachable(path),
      (error: unknown) => assert.instance(error, kind, path),
    );
  }
});

test('operators that are not imported are all named', async () => {
  const tensors = ['x', 'a', 'b'].map((name) => ({ name, shape: [1, 4] }));
  const operators = [{ name: 'COS', inputs: [0], outputs: [1] }, { name: 'SIN', inputs: [0], outputs: [2] }];
  writeFileSync(file('two.tflite'), writeTflite({ tensors, operators, inputs: [0], outputs: [1, 2] }));
  await inspectCommand(file('two.tflite')).then(
    () => assert.unreachable(),
    (error: unknown) => assert.ok(error instanceof UnsupportedOperatorError && error.nodes.length === 2),
  );
});

test.run();
