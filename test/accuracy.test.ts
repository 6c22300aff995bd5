/** Integer accuracy of trained models beside their float accuracy, observer by observer, on the benchmark data. */
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { calibrate, loadLabels, loadSamples, OBSERVERS, parsePreprocess, type ObserverName, type Preprocess } from '../src/calibration/index.js';
import { evaluateAccuracy } from '../src/evaluation.js';
import { loadModel } from '../src/frontends/index.js';
import { verifyIntegerGraph } from '../src/graph/verify.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { lowerGraph, planQuantization } from '../src/quantization/index.js';
import type { ReportAccuracy } from '../src/report/report.js';
import { benchDirectory, leftOut } from './support/bench.js';

interface Case {
  readonly name: string;
  readonly model: string;
  readonly calibration: string;
  readonly evaluation: string;
  readonly labels: string;
  readonly preprocess: Preprocess | null;
  /** Predictions that the integers may lose against float. */
  readonly mostLost: number;
  readonly observers: readonly ObserverName[];
}

/** Raw pixels, stored channels last. */
const PIXELS = parsePreprocess('{ "scale": 1, "mean": [0], "std": [1], "layout": "nhwc" }');

const CASES: readonly Case[] = [
  { name: 'ResNet-8 (TFLite)', model: 'mlperf-tiny/pretrainedResnet.tflite', calibration: 'cifar10_calib_512_x', evaluation: 'cifar10_dev_1000_x', labels: 'cifar10_dev_1000_y', preprocess: PIXELS, mostLost: 7, observers: ['min-max'] },
  { name: 'ResNet-8 (ONNX)', model: 'resnet8_cifar10.onnx', calibration: 'cifar10_calib_512_x', evaluation: 'cifar10_dev_1000_x', labels: 'cifar10_dev_1000_y', preprocess: PIXELS, mostLost: 7, observers: OBSERVERS },
  { name: 'KWS (hybrid TFLite)', model: 'mlperf-tiny/kws_ref_model_float32.tflite', calibration: 'kws_calib_100_x_f32', evaluation: 'kws_dev_300_x_f32', labels: 'kws_dev_300_y', preprocess: null, mostLost: 2, observers: OBSERVERS },
];

const test = suite('accuracy');
const bench = benchDirectory();

for (const model of CASES) {
  for (const observer of model.observers) {
    test(`${model.name}, ${observer}`, async () => {
      if (!bench) return leftOut(1, `benchmarks are absent: accuracy of ${model.name}`);
      const result = await accuracyOf(model, observer, bench);
      const lost = Math.round((result.float - result.integer) * result.samples);
      const percent = (value: number | null) => (value === null ? '–' : `${(100 * value).toFixed(2)} %`);
      console.log(`${model.name}, ${observer}: float ${percent(result.float)}, fake-quant ${percent(result.fakeQuant)}, integer ${percent(result.integer)}, agreement ${percent(result.agreement)}`);
      assert.ok(lost <= model.mostLost, `${lost} predictions lost of ${result.samples}`);
    });
  }
}

async function accuracyOf(model: Case, observer: ObserverName, folder: string): Promise<ReportAccuracy> {
  const float = optimizeFloatGraph(await loadModel(join(folder, 'models', model.model))).graph;
  const options = model.preprocess ? { preprocess: model.preprocess } : {};
  const load = (name: string) => loadSamples(join(folder, 'data', `${name}.npy`), float, options);
  const calibration = await calibrate(float, await load(model.calibration), { observer, bits: 8 });
  const plan = planQuantization(float, calibration, { method: 'nearest', bits: 'w8a8', seed: 0 });
  const { graph } = optimizeIntegerGraph(lowerGraph(float, plan));
  verifyIntegerGraph(graph);
  const labels = await loadLabels(join(folder, 'data', `${model.labels}.npy`));
  return evaluateAccuracy(float, graph, plan, await load(model.evaluation), labels, { metric: 'top1', output: null });
}

test.run();
