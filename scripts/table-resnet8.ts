/**
 * Quantization methods on ResNet-8 / CIFAR-10, integer accuracy of the simulator:
 *   npm run table:resnet8 [-- --bits w4a4,w2a4] [--methods qdrop,flexround] [--seeds 0,1,2] [--iterations 200] [--again] [--print]
 *
 * Every finished cell is stored in build/table-resnet8.json; the command goes on with what is missing and prints the table.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadLabels, loadSamples, preprocessFrom, type ObserverName } from '../src/calibration/index.js';
import { loadModel } from '../src/frontends/index.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { table } from '../src/report/terminal.js';
import { CellStore } from './cells.js';
import { measureMethod, type MethodCell, type Task } from './measure-method.js';

interface Row {
  readonly name: string;
  readonly method: string;
  readonly observer: ObserverName;
  readonly biasCorrection: boolean;
}

const row = (name: string, method: string, observer: ObserverName = 'mse', biasCorrection = false): Row => ({ name, method, observer, biasCorrection });
const ROWS: readonly Row[] = [
  row('nearest-minmax', 'nearest', 'min-max'),
  row('nearest-mse', 'nearest'),
  row('bias-correction', 'nearest', 'mse', true),
  ...['adaround', 'brecq', 'qdrop', 'flexround', 'pd-quant'].map((method) => row(method, method)),
];
const COLUMNS = ['w8a8', 'w4a8', 'w4a4', 'w3a3', 'w2a4', 'w2a2'];

const { values: given } = parseArgs({
  options: { bits: { type: 'string' }, methods: { type: 'string' }, seeds: { type: 'string', default: '0' }, iterations: { type: 'string' }, again: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } },
});
const list = (text: string | undefined, all: readonly string[]): readonly string[] => (text === undefined ? all : text.split(','));

const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
const cells = new CellStore<MethodCell>('table-resnet8');
const seeds = given.seeds.split(',').map(Number);
const keyOf = (name: string, bits: string, seed: number): string => `${name} ${bits} ${seed}`;

async function load(): Promise<Task> {
  const float = optimizeFloatGraph(await loadModel(join(bench, 'models', 'resnet8_cifar10.onnx'))).graph;
  const samples = (name: string) => loadSamples(join(bench, 'data', `${name}.npy`), float, { preprocess: preprocessFrom({ layout: 'nhwc' }) });
  return { float, calibration: await samples('cifar10_calib_512_x'), evaluation: await samples('cifar10_dev_1000_x'), labels: await loadLabels(join(bench, 'data', 'cifar10_dev_1000_y.npy')) };
}

function measure({ name, method, observer, biasCorrection }: Row, bits: string, seed: number, task: Task): Promise<MethodCell> {
  const iterations = given.iterations === undefined ? undefined : Number(given.iterations);
  return measureMethod(task, { method, bits, observer, biasCorrection, seed, iterations, note: (text) => process.stderr.write(`${name} ${bits} seed ${seed}: ${text}\x1b[K\r`) });
}

/** Points of drop from float; in brackets fake-quantized accuracy less integer accuracy, images that differ, undecided share, seconds. */
function printed(cell: MethodCell | undefined): string {
  if (!cell) return '–';
  const soft = cell.softShare === null ? '' : `, ${(100 * cell.softShare).toFixed(0)} % soft`;
  return `${(100 * (cell.float - cell.integer)).toFixed(1)} (${cell.different} differ${soft}, ${Math.round(cell.seconds)} s)`;
}

function print(): void {
  const stored = new Set(cells.keys.map((key) => Number(key.split(' ')[2])));
  for (const seed of [...stored].sort()) {
    const rows = ROWS.map(({ name }) => [name, ...COLUMNS.map((bits) => printed(cells.get(keyOf(name, bits, seed))))]);
    console.log(`seed ${seed}: points of drop from float\n${table(['method', ...COLUMNS], rows, [])}\n`);
  }
}

if (!given.print) {
  const loaded = await load();
  const methods = list(given.methods, ROWS.map(({ name }) => name));
  for (const seed of seeds) {
    for (const bits of list(given.bits, COLUMNS)) {
      for (const one of ROWS.filter(({ name }) => methods.includes(name))) {
        const key = keyOf(one.name, bits, seed);
        if (cells.get(key) && !given.again) continue;
        cells.save(key, await measure(one, bits, seed, loaded));
        console.log(`${key}: drop ${printed(cells.get(key))}`);
      }
    }
  }
}
print();
