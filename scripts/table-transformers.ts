/**
 * Quantization methods on transformers, integer accuracy of the simulator beside fake quantization:
 *   npm run table:transformers [-- --models vit,base,outlier,embedded] [--bits w6a6] [--methods ptq4vit] [--iterations 100] [--again] [--print]
 *
 * Every finished cell is stored in build/table-transformers.json; the command goes on with what is missing and prints the
 * tables. --iterations belongs to the methods that learn; their cells name it.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadModel } from '../src/frontends/index.js';
import { loadLabels, loadSamples, preprocessFrom, type SampleSet } from '../src/calibration/index.js';
import type { FloatGraph } from '../src/graph/float.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { parseBits, requireMethod } from '../src/quantization/index.js';
import { table } from '../src/report/terminal.js';
import { CellStore } from './cells.js';
import { embeddedTokens } from './embedded-tokens.js';
import { measureMethod, type MethodCell, type Task } from './measure-method.js';

interface Row {
  readonly name: string;
  readonly method: string;
  readonly bits: readonly string[];
  readonly functions?: 'ivit';
}

interface Model {
  readonly title: string;
  readonly file: string;
  readonly samples: (part: 'calibration' | 'evaluation', graph: FloatGraph) => SampleSet | Promise<SampleSet>;
  readonly labels: string;
  readonly rows: readonly Row[];
}

const NARROW = ['w6a6', 'w4a8', 'w4a4'];
const TEXT = ['w8a8', 'w6a6', 'w4a8'];
const IMAGES = preprocessFrom({ scale: '1/255', mean: [0.4914, 0.4822, 0.4465], std: [0.247, 0.2435, 0.2616], layout: 'nhwc' });
const CALIBRATION_IMAGES = 128;
const LEARNING = ['adaround', 'brecq', 'qdrop', 'flexround'];

const row = (method: string, bits: readonly string[], extra: Partial<Row> = {}): Row => ({ name: method, method, bits, ...extra });
const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
const data = (name: string): string => join(bench, 'data', `${name}.npy`);

const tokens: Model['samples'] = (part, graph) => loadSamples(data(part === 'calibration' ? 'text_calib_256_x' : 'text_dev_1000_x'), graph);

const MODELS: Readonly<Record<string, Model>> = {
  vit: {
    title: 'ViT on CIFAR-10 (vit_cifar10)',
    file: 'vit_cifar10',
    samples: (part, graph) => loadSamples(data(part === 'calibration' ? 'cifar10_calib_512_x' : 'cifar10_dev_1000_x'), graph, { preprocess: IMAGES, ...(part === 'calibration' && { limit: CALIBRATION_IMAGES }) }),
    labels: 'cifar10_dev_1000_y',
    rows: [
      row('nearest', ['w8a8', ...NARROW]),
      row('nearest', ['w8a8', 'w6a6'], { name: 'nearest, ivit', functions: 'ivit' }),
      ...['ptq4vit-twin', 'ptq4vit-search', 'ptq4vit'].map((method) => row(method, NARROW)),
      ...LEARNING.map((method) => row(method, ['w4a8', 'w4a4'])),
    ],
  },
  base: { title: 'encoder (bert_tiny_base)', file: 'bert_tiny_base', samples: tokens, labels: 'text_dev_1000_y', rows: [row('nearest', TEXT), row('os-plus', TEXT)] },
  outlier: { title: 'the same with outliers (bert_tiny_outlier)', file: 'bert_tiny_outlier', samples: tokens, labels: 'text_dev_1000_y', rows: [row('nearest', TEXT), row('os-plus', TEXT)] },
  embedded: {
    title: 'the same behind its embeddings (bert_tiny_outlier_emb)',
    file: 'bert_tiny_outlier_emb',
    samples: (part, graph) => embeddedTokens(bench, part === 'calibration' ? 'text_calib_256_x' : 'text_dev_1000_x', graph),
    labels: 'text_dev_1000_y',
    rows: [row('nearest', TEXT), row('os-plus', TEXT)],
  },
};

const { values: given } = parseArgs({
  options: { models: { type: 'string' }, bits: { type: 'string' }, methods: { type: 'string' }, iterations: { type: 'string' }, again: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } },
});
const isAsked = (text: string | undefined, name: string): boolean => text === undefined || text.split(',').includes(name);
const cells = new CellStore<MethodCell>('table-transformers');
const keyOf = (model: string, { name }: Row, bits: string): string => `${model}/${name}/${bits}`;

async function load({ file, samples, labels }: Model): Promise<Task> {
  const float = optimizeFloatGraph(await loadModel(join(bench, 'models', `${file}.onnx`))).graph;
  return { float, calibration: await samples('calibration', float), evaluation: await samples('evaluation', float), labels: await loadLabels(data(labels)) };
}

/** As the command line does it: below 8 weight bits biases are corrected behind methods that learn nothing. */
function measure(task: Task, { method, functions }: Row, bits: string, note: (text: string) => void): Promise<MethodCell> {
  const biasCorrection = requireMethod(method).isCorrected === true && parseBits(bits).weightBits < 8;
  const iterations = LEARNING.includes(method) && given.iterations !== undefined ? Number(given.iterations) : undefined;
  return measureMethod(task, { method, bits, observer: 'mse', biasCorrection, seed: 0, iterations, note, ...(functions && { functions }) });
}

async function measureModel(name: string, model: Model): Promise<void> {
  let task: Task | undefined;
  for (const one of model.rows.filter(({ name: own, method }) => isAsked(given.methods, own) || isAsked(given.methods, method))) {
    for (const bits of one.bits.filter((b) => isAsked(given.bits, b))) {
      const key = keyOf(name, one, bits);
      if (cells.get(key) && !given.again) continue;
      task ??= await load(model);
      cells.save(key, await measure(task, one, bits, (text) => process.stderr.write(`${key}: ${text}\x1b[K\r`)));
      console.log(`${key}: ${printed(cells.get(key))}`);
    }
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Accuracy and noise of the integers; in brackets what fake quantization gives and on how many samples the two differ. */
function printed(cell: MethodCell | undefined): string {
  if (!cell) return '–';
  const learned = cell.iterations === null ? '' : `, ${cell.iterations} iterations`;
  const soft = cell.softShare === null ? '' : `, ${(100 * cell.softShare).toFixed(0)} % soft`;
  return `${percent(cell.integer)}, ${cell.integerDb.toFixed(1)} dB (fake ${percent(cell.fakeQuant)}, ${cell.fakeQuantDb.toFixed(1)} dB, ${cell.different} differ${soft}${learned}, ${Math.round(cell.seconds)} s)`;
}

function print(name: string, { title, rows }: Model): void {
  const columns = [...new Set(rows.flatMap(({ bits }) => bits))];
  const cellOf = (one: Row, bits: string): MethodCell | undefined => cells.get(keyOf(name, one, bits));
  const float = rows.flatMap((one) => columns.flatMap((bits) => cellOf(one, bits)?.float ?? []))[0];
  if (float === undefined) return;
  console.log(`${title}: float ${percent(float)}\n${table(['method', ...columns], rows.map((one) => [one.name, ...columns.map((bits) => printed(cellOf(one, bits)))]), [])}\n`);
}

/** (os-plus − nearest) / (nearest of the base − nearest); where that divides by less than 2 points, the noise beside the base's says more. */
function printRecovery(name: string): void {
  const rows = TEXT.flatMap((bits) => {
    const [base, nearest, migrated] = [`base/nearest/${bits}`, `${name}/nearest/${bits}`, `${name}/os-plus/${bits}`].map((key) => cells.get(key));
    if (!base || !nearest || !migrated) return [];
    const lost = base.integer - nearest.integer;
    return [[bits, `${(100 * lost).toFixed(1)} points`, ((migrated.integer - nearest.integer) / lost).toFixed(2), `${(migrated.integerDb - base.integerDb).toFixed(1)} dB`]];
  });
  if (rows.length > 0) console.log(`${MODELS[name]!.title}\n${table(['bits', 'lost by outliers', 'recovery', 'noise against the base'], rows, [])}\n`);
}

const models = Object.entries(MODELS).filter(([name]) => isAsked(given.models, name));
if (!given.print) for (const [name, model] of models) await measureModel(name, model);
for (const [name, model] of models) print(name, model);
for (const name of ['outlier', 'embedded'].filter((one) => isAsked(given.models, one))) printRecovery(name);
