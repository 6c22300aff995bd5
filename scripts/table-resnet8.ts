/**
 * Quantization methods on ResNet-8 / CIFAR-10, integer accuracy of the simulator:
 *   npm run table:resnet8 [-- --bits w4a4,w2a4] [--methods qdrop,flexround] [--seeds 0,1,2] [--iterations 200] [--again] [--print]
 *
 * Every finished cell is stored in build/table-resnet8.json; the command goes on with what is missing and prints the table.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { calibrate, loadLabels, loadSamples, preprocessFrom, type ObserverName } from '../src/calibration/index.js';
import { evaluateAccuracy } from '../src/evaluation.js';
import { loadModel } from '../src/frontends/index.js';
import { verifyIntegerGraph } from '../src/graph/verify.js';
import { optimizeFloatGraph } from '../src/passes/float/index.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { lowerGraph, planQuantization, refinePlan } from '../src/quantization/index.js';
import { table } from '../src/report/terminal.js';

interface Row {
  readonly name: string;
  readonly method: string;
  readonly observer: ObserverName;
  readonly biasCorrection: boolean;
}

interface Cell {
  readonly float: number;
  readonly fakeQuant: number;
  readonly integer: number;
  /** Of the evaluation images, those that fake quantization and the integers classify differently. */
  readonly different: number;
  /** Largest share of undecided rounding variables of a unit's layer, before they are rounded. */
  readonly softShare: number | null;
  readonly seconds: number;
  readonly iterations: number | null;
}

const row = (name: string, method: string, observer: ObserverName = 'mse', biasCorrection = false): Row => ({ name, method, observer, biasCorrection });
const ROWS: readonly Row[] = [
  row('nearest-minmax', 'nearest', 'min-max'),
  row('nearest-mse', 'nearest'),
  row('bias-correction', 'nearest', 'mse', true),
  ...['adaround', 'brecq', 'qdrop', 'flexround', 'pd-quant'].map((method) => row(method, method)),
];
const COLUMNS = ['w8a8', 'w4a8', 'w4a4', 'w3a3', 'w2a4', 'w2a2'];
const STORE = resolve('build', 'table-resnet8.json');

const { values: given } = parseArgs({
  options: { bits: { type: 'string' }, methods: { type: 'string' }, seeds: { type: 'string', default: '0' }, iterations: { type: 'string' }, again: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } },
});
const list = (text: string | undefined, all: readonly string[]): readonly string[] => (text === undefined ? all : text.split(','));

const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
const cells: Record<string, Cell> = existsSync(STORE) ? (JSON.parse(readFileSync(STORE, 'utf8')) as Record<string, Cell>) : {};
const seeds = given.seeds.split(',').map(Number);
const keyOf = (name: string, bits: string, seed: number): string => `${name} ${bits} ${seed}`;

async function load() {
  const float = optimizeFloatGraph(await loadModel(join(bench, 'models', 'resnet8_cifar10.onnx'))).graph;
  const samples = (name: string) => loadSamples(join(bench, 'data', `${name}.npy`), float, { preprocess: preprocessFrom({ layout: 'nhwc' }) });
  return { float, calibration: await samples('cifar10_calib_512_x'), evaluation: await samples('cifar10_dev_1000_x'), labels: await loadLabels(join(bench, 'data', 'cifar10_dev_1000_y.npy')) };
}

async function measure({ name, method, observer, biasCorrection }: Row, bits: string, seed: number, { float, calibration, evaluation, labels }: Awaited<ReturnType<typeof load>>): Promise<Cell> {
  const started = performance.now();
  const ranges = await calibrate(float, calibration, { observer, bits: 8 });
  const draft = planQuantization(float, ranges, { method, bits, seed });
  const shares: number[] = [];
  const plan = await refinePlan(draft, {
    graph: float,
    calibration: ranges,
    samples: calibration,
    seed,
    biasCorrection,
    ...(given.iterations !== undefined && { iterations: Number(given.iterations) }),
    note: (text) => process.stderr.write(`${name} ${bits} seed ${seed}: ${text}\x1b[K\r`),
    onUnit: (_unit, { softShare }) => void (softShare !== null && shares.push(softShare)),
  });
  const seconds = (performance.now() - started) / 1000;
  const { graph } = optimizeIntegerGraph(lowerGraph(float, plan));
  verifyIntegerGraph(graph);
  const accuracy = await evaluateAccuracy(float, graph, plan, evaluation, labels, { metric: 'top1', output: null });
  return {
    float: accuracy.float,
    fakeQuant: accuracy.fakeQuant!,
    integer: accuracy.integer,
    different: Math.round((1 - accuracy.fakeQuantAgreement!) * accuracy.samples),
    softShare: shares.length > 0 ? Math.max(...shares) : null,
    seconds,
    iterations: given.iterations === undefined ? null : Number(given.iterations),
  };
}

/** Points of drop from float; in brackets fake-quantized accuracy less integer accuracy, images that differ, undecided share, seconds. */
function printed(cell: Cell | undefined): string {
  if (!cell) return '–';
  const soft = cell.softShare === null ? '' : `, ${(100 * cell.softShare).toFixed(0)} % soft`;
  return `${(100 * (cell.float - cell.integer)).toFixed(1)} (${cell.different} differ${soft}, ${Math.round(cell.seconds)} s)`;
}

function print(): void {
  const stored = new Set(Object.keys(cells).map((key) => Number(key.split(' ')[2])));
  for (const seed of [...stored].sort()) {
    const rows = ROWS.map(({ name }) => [name, ...COLUMNS.map((bits) => printed(cells[keyOf(name, bits, seed)]))]);
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
        if (cells[key] && !given.again) continue;
        cells[key] = await measure(one, bits, seed, loaded);
        mkdirSync(resolve('build'), { recursive: true });
        // Another process may have stored cells meanwhile.
        const others = existsSync(STORE) ? (JSON.parse(readFileSync(STORE, 'utf8')) as Record<string, Cell>) : {};
        Object.assign(cells, { ...others, [key]: cells[key] });
        writeFileSync(STORE, JSON.stringify(cells, null, 1));
        console.log(`${key}: drop ${printed(cells[key])}`);
      }
    }
  }
}
print();
