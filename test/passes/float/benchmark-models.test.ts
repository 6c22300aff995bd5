/** The benchmark models reproduce their recorded float outputs, before and after the passes, and end without needless transposes. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { loadSamples, parsePreprocess } from '../../../src/calibration/index.js';
import { readNpy } from '../../../src/calibration/data/npy.js';
import { loadModel } from '../../../src/frontends/index.js';
import type { FloatGraph } from '../../../src/graph/float.js';
import { optimizeFloatGraph } from '../../../src/passes/float/index.js';
import { benchDirectory, leftOut } from '../../support/bench.js';
import { expectSameOutputs, operatorCounts, relativeDifference, runInSourceOrder } from '../../support/float-graphs.js';

const TOLERANCE = 1e-4;

interface Model {
  readonly file: string;
  /** Transposes that the meaning forces. */
  readonly transposes: number;
  readonly inputs?: readonly string[];
  readonly preprocess?: string;
}

const MODELS: readonly Model[] = [
  { file: 'mnist16_classifier.onnx', transposes: 0 },
  { file: 'seg_subtract64.onnx', transposes: 0 },
  // Four a layer for the heads of the attention.
  { file: 'vit_cifar10.onnx', transposes: 24 },
  { file: 'bert_tiny_base.onnx', transposes: 12 },
  { file: 'bert_tiny_outlier.onnx', transposes: 12 },
  { file: 'bert_tiny_outlier_emb.onnx', transposes: 12 },
  // Two a group norm, three an attention.
  { file: 'ddpm_mnist16_unet.onnx', transposes: 6, inputs: ['x_t', 't_emb'] },
  { file: 'mlperf-tiny/ad01_fp32.tflite', transposes: 0 },
  { file: 'mlperf-tiny/kws_ref_model_float32.tflite', transposes: 0 },
  { file: 'mlperf-tiny/pretrainedResnet.tflite', transposes: 0 },
  { file: 'mlperf-tiny/vww_96_float.tflite', transposes: 0, preprocess: '{ "scale": "1/255" }' },
];

const test = suite('float graphs of the benchmark models');
const bench = benchDirectory();

if (!bench) leftOut(MODELS.length + 3, 'benchmark models are not here (PTQ_GEN_BENCH)');
else {
  const models = join(bench, 'models');
  for (const model of MODELS) test(model.file, () => reproduces(models, model));

  test('resnet8: batch norm folded here and by PyTorch agree', async () => {
    const [own, folded] = await Promise.all(['resnet8_cifar10.onnx', 'resnet8_cifar10_folded.onnx'].map((name) => loadModel(join(models, name))));
    const { graph } = optimizeFloatGraph(own!);
    assert.equal(operatorCounts(graph), { conv2d: 9, add: 3, 'average-pool2d': 1, reshape: 1, dense: 1, softmax: 1 });
    assert.equal(operatorCounts(graph), operatorCounts(optimizeFloatGraph(folded!).graph));
    await expectSameOutputs(own!, graph);
    await expectSameOutputs(folded!, graph);
  });

  test('already quantized files keep their codes and nodes', async () => {
    for (const name of ['pretrainedResnet_quant.tflite', 'kws_ref_model.tflite', 'ad01_int8.tflite', 'vww_96_int8.tflite', 'str_ww_ref_model.tflite']) {
      const graph = await loadModel(join(models, 'mlperf-tiny', name));
      const { graph: optimized } = optimizeFloatGraph(graph);
      assert.equal(optimized.nodes.map((node) => node.op), graph.nodes.map((node) => node.op), name);
      for (const [id, tensor] of optimized.tensors) assert.is(tensor.quantization, graph.tensors.get(id)!.quantization);
    }
  });

  test('a hybrid file keeps its weight codes', async () => {
    const graph = await loadModel(join(models, 'mlperf-tiny/kws_ref_model_float32.tflite'));
    const { graph: optimized } = optimizeFloatGraph(graph);
    const coded = (g: FloatGraph): number => [...g.tensors.values()].filter((tensor) => tensor.quantization?.codes).length;
    assert.is(coded(optimized), 5);
    assert.is(coded(graph), 5);
  });
}

async function reproduces(models: string, { file, transposes, inputs, preprocess }: Model): Promise<void> {
  const stem = join(models, file.replace(/\.\w+$/, ''));
  const paths = inputs ? inputs.map((name) => `${name}=${stem}_in8_${name}.npy`) : `${stem}_in8.npy`;
  const graph = await loadModel(join(models, file));
  const { graph: optimized } = optimizeFloatGraph(graph);
  const recorded = readNpy(readFileSync(`${stem}_out8.npy`), `${stem}_out8.npy`);
  // Before the passes the graph's order of axes is the file's, so these samples are in the file's order.
  const samples = await loadSamples(paths, graph, preprocess === undefined ? {} : { preprocess: parsePreprocess(preprocess) });
  for (const stage of [graph, optimized]) {
    const outputs = await runInSourceOrder(stage, samples.inputs, samples.count);
    expectClose(outputs.get(stage.outputs[0]!.name)!, recorded.data as Float32Array, samples.count);
  }
  assert.is(operatorCounts(optimized)['transpose'] ?? 0, transposes);
}

function expectClose(actual: Float32Array, expected: Float32Array, count: number): void {
  const size = expected.length / count;
  for (let sample = 0; sample < count; sample++) {
    const [from, to] = [sample * size, (sample + 1) * size];
    const difference = relativeDifference(actual.subarray(from, to), expected.subarray(from, to));
    assert.ok(difference <= TOLERANCE, `sample ${sample} differs by ${difference.toExponential(2)} of its largest value`);
  }
}

test.run();
