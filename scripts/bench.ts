/**
 * The road on the benchmark models, one line a model: `npm run bench [-- --target cortex-m7]`.
 *
 * Models and data are those of PTQ_GEN_BENCH (default ../shared/bench); nothing of them is part of the project.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { resolveOptions, type GivenOptions } from '../src/options.js';
import { runRoad } from '../src/pipeline.js';
import { silentProgress } from '../src/progress.js';
import type { Report } from '../src/report/report.js';
import { table } from '../src/report/terminal.js';

const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
if (!existsSync(join(bench, 'models'))) {
  console.error(`no benchmark models at ${bench}: set PTQ_GEN_BENCH`);
  process.exit(2);
}
const model = (name: string) => join(bench, 'models', name);
const data = (name: string) => join(bench, 'data', name);
const cifar: GivenOptions = { calib: data('cifar10_calib_512_x.npy'), eval: data('cifar10_dev_1000_x.npy'), labels: data('cifar10_dev_1000_y.npy') };

const floatModels: readonly GivenOptions[] = [
  { model: model('mlperf-tiny/pretrainedResnet.tflite'), ...cifar },
  { model: model('resnet8_cifar10.onnx'), ...cifar, preprocess: { layout: 'nhwc' } },
  { model: model('mlperf-tiny/kws_ref_model_float32.tflite'), calib: data('kws_calib_100_x_f32.npy'), eval: data('kws_dev_300_x_f32.npy'), labels: data('kws_dev_300_y.npy') },
  { model: model('mlperf-tiny/ad01_fp32.tflite'), calib: model('mlperf-tiny/ad01_fp32_in8.npy') },
  { model: model('mlperf-tiny/vww_96_float.tflite'), calib: model('mlperf-tiny/vww_96_float_in8.npy'), preprocess: { scale: '1/255' } },
  { model: model('mnist16_classifier.onnx'), calib: data('mnist16_calib_200_x.npy'), eval: data('mnist16_dev_400_x.npy'), labels: data('mnist16_dev_400_y.npy'), preprocess: { scale: '1/127.5', mean: [1], layout: 'nhwc' } },
];
const int8Models: readonly GivenOptions[] = ['ad01_int8', 'pretrainedResnet_quant', 'kws_ref_model', 'vww_96_int8', 'str_ww_ref_model'].map((name) => ({ model: model(`mlperf-tiny/${name}.tflite`) }));

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null): string => (value === null ? '–' : number.format(value));
const percent = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : (100 * value).toFixed(2));

function row(r: Report): string[] {
  const correct = (share: number | undefined) => (share === undefined || !r.accuracy ? '–' : String(Math.round(share * r.accuracy.samples)));
  return [
    r.model.name,
    r.arith,
    `${percent(r.accuracy?.float)} (${correct(r.accuracy?.float)})`,
    percent(r.accuracy?.fakeQuant),
    `${percent(r.accuracy?.integer)} (${correct(r.accuracy?.integer)})`,
    percent(r.accuracy?.agreement),
    r.verify.bitExact ? `${r.verify.vectors} vectors, ${r.verify.tensorsCompared} tensors` : 'NO',
    count(r.cost.instructions),
    r.cost.instructionsPerMac?.toFixed(2) ?? '–',
    count(r.cost.arenaBytes),
    count(r.cost.liveSetBytes),
    count(r.cost.flashBytes),
    `${(100 * (1 - r.folding.macsAfter / r.folding.macsBefore)).toFixed(1)} %`,
  ];
}

function secondsRow(r: Report): string[] {
  const stages = ['import', 'calibrate', 'quantize', 'simulate', 'generate', 'build', 'run'] as const;
  const seconds = stages.map((s) => r.seconds[s] ?? 0);
  return [r.model.name, ...seconds.map((s) => s.toFixed(2)), seconds.reduce((a, b) => a + b, 0).toFixed(2)];
}

const at = process.argv.indexOf('--target');
const target = at > 0 ? process.argv[at + 1]! : 'cortex-m7';
const reports: Report[] = [];
for (const given of [...floatModels, ...int8Models]) {
  for (const { report } of await runRoad(resolveOptions({ ...given, target, out: join('build', 'bench', target, given.model!.replace(/.*\/|\.\w+$/g, '')) }), silentProgress)) {
    reports.push(report);
    console.log(row(report).join('  '));
  }
}
console.log(`\n${table(['model', 'arithmetic', 'float % (correct)', 'fake %', 'integer % (correct)', 'agree %', 'bit-exact', 'instructions', '/MAC', 'arena', 'live set', 'flash', 'folded'], reports.map(row), [2, 3, 4, 5, 7, 8, 9, 10, 11, 12])}`);
console.log(`\n${table(['seconds', 'import', 'calibrate', 'quantize', 'simulate', 'generate', 'build', 'run', 'sum'], reports.map(secondsRow), [1, 2, 3, 4, 5, 6, 7, 8])}`);
