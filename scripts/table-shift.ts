/**
 * Networks without multiplication beside products, as docs/multiplication-free.md has them:
 *   npm run table:shift [-- --models sample,kws,resnet8] [--rows w8a8,w4a8,1-term,auto,2-terms,1-term-flexround,…] [--again] [--instructions] [--print]
 *
 * Every finished cell is stored in build/table-shift.json, its integer graph below build/table-shift/; the command goes on with
 * what is missing and prints the table. `--instructions` builds and runs the stored graphs again, for kernels that changed.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { IntegerGraph } from '../src/graph/integer.js';
import { saveIntegerGraph } from '../src/graph/serialize.js';
import { operator } from '../src/operators/index.js';
import { termBits } from '../src/operators/shift/weights.js';
import { type GivenOptions, resolveOptions } from '../src/options.js';
import { buildTarget, quantizeModel } from '../src/pipeline.js';
import { silentProgress } from '../src/progress.js';
import type { Report } from '../src/report/report.js';
import { table } from '../src/report/terminal.js';
import { CellStore } from './cells.js';

const bench = resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench');
const model = (name: string) => join(bench, 'models', name);
const data = (name: string) => join(bench, 'data', `${name}.npy`);

interface Network {
  readonly title: string;
  readonly options: GivenOptions;
  readonly config?: string;
}

const NETWORKS: Readonly<Record<string, Network>> = {
  sample: { title: 'sample', options: {}, config: 'firmware-samples/shapes/ptq-gen.config.json' },
  kws: { title: 'KWS', options: { model: model('mlperf-tiny/kws_ref_model_float32.tflite'), calib: data('kws_calib_100_x_f32'), eval: data('kws_dev_300_x_f32'), labels: data('kws_dev_300_y') } },
  resnet8: { title: 'ResNet-8', options: { model: model('resnet8_cifar10.onnx'), calib: data('cifar10_calib_512_x'), eval: data('cifar10_dev_1000_x'), labels: data('cifar10_dev_1000_y'), preprocess: { layout: 'nhwc' } } },
};

const learned: GivenOptions = { method: 'flexround', iterations: 200 };
const ROWS: Readonly<Record<string, GivenOptions>> = {
  w8a8: {},
  w4a8: { bits: 'w4a8' },
  '1-term': { arith: 'shift', terms: '1' },
  '1-term-flexround': { arith: 'shift', terms: '1', ...learned },
  '1-term-flexround-corrected': { arith: 'shift', terms: '1', ...learned, biasCorrection: true },
  auto: { arith: 'shift', terms: 'auto' },
  'auto-flexround': { arith: 'shift', terms: 'auto', ...learned },
  '2-terms': { arith: 'shift', terms: '2' },
};
const TARGETS = ['cortex-m0plus', 'rv32ec'] as const;

type Measured = Pick<Report, 'verify' | 'proofs' | 'cost'>;

interface Cell {
  readonly accuracy: Pick<NonNullable<Report['accuracy']>, 'float' | 'integer' | 'samples'>;
  readonly bitsPerWeight: number;
  readonly weightBytes: number;
  readonly macs: number;
  readonly targets: Readonly<Record<(typeof TARGETS)[number], Measured>>;
}

const { values: given } = parseArgs({
  options: { models: { type: 'string' }, rows: { type: 'string' }, again: { type: 'boolean', default: false }, instructions: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } },
});
const cells = new CellStore<Cell>('table-shift');
const chosen = (text: string | undefined, all: Readonly<Record<string, unknown>>): readonly string[] => text?.split(',') ?? Object.keys(all);
const keyOf = (network: string, row: string): string => `${network} ${row}`;
const graphFile = (key: string): string => resolve('build/table-shift', `${key.replace(' ', '-')}.ptq.json`);

/** What the codes themselves take, packed. */
function weightBits(graph: IntegerGraph): { readonly bits: number; readonly count: number } {
  let [bits, count] = [0, 0];
  for (const node of graph.nodes) {
    const input = operator(node.op).float?.weights?.input;
    const tensor = input === undefined ? undefined : graph.tensors.get(node.inputs[input]!);
    if (!tensor?.constant) continue;
    const { encoding, data: codes } = tensor.constant;
    bits += codes.length * (encoding.kind === 'shift' ? encoding.terms * termBits(encoding) : tensor.type.bits);
    count += codes.length;
  }
  return { bits, count };
}

async function measureTargets(quantized: Awaited<ReturnType<typeof quantizeModel>>, key: string, options: GivenOptions): Promise<Cell['targets'] & { readonly macs: number }> {
  const results: Partial<Record<(typeof TARGETS)[number], Measured>> = {};
  let macs = 0;
  for (const target of TARGETS) {
    const road = resolveOptions({ ...options, target, vectors: 1, out: resolve('build/table-shift', key.replace(' ', '-')) });
    const { report } = await buildTarget(quantized, target, road, silentProgress);
    const { verify, proofs, cost } = report;
    results[target] = { verify, proofs, cost };
    macs = report.model.macs;
  }
  return { ...(results as Cell['targets']), macs };
}

/** The configuration file's options with the row's. */
function optionsOf(network: Network, row: GivenOptions): GivenOptions {
  const { targets: _, ...base } = resolveOptions({ ...network.options, target: TARGETS[0] }, network.config);
  const { model: file, calib, eval: evaluation, labels, preprocess } = base;
  return { model: file, calib, eval: evaluation, labels, ...(preprocess === undefined ? {} : { preprocess }), ...row };
}

async function measure(network: Network, key: string, row: GivenOptions): Promise<Cell> {
  const options = optionsOf(network, row);
  const quantized = await quantizeModel(resolveOptions({ ...options, target: TARGETS[0] }), silentProgress);
  mkdirSync(dirname(graphFile(key)), { recursive: true });
  await saveIntegerGraph(quantized.graph, graphFile(key));
  const { bits, count } = weightBits(quantized.graph);
  const { float, integer, samples } = quantized.accuracy!;
  const { macs, ...targets } = await measureTargets(quantized, key, options);
  return { accuracy: { float, integer, samples }, bitsPerWeight: bits / count, weightBytes: Math.ceil(bits / 8), macs, targets };
}

/** Other kernels, the same integers. */
async function measureAgain(network: Network, key: string, cell: Cell): Promise<Cell> {
  const { eval: evaluation, preprocess } = optionsOf(network, {});
  const options: GivenOptions = { model: graphFile(key), eval: evaluation, ...(preprocess === undefined ? {} : { preprocess }) };
  const quantized = await quantizeModel(resolveOptions({ ...options, target: TARGETS[0] }), silentProgress);
  const { macs, ...targets } = await measureTargets(quantized, key, options);
  return { ...cell, macs, targets };
}

const HEAD = ['network', 'row', 'float', 'top-1', 'bits a weight', 'weight bytes', 'M0+ code + constants', 'M0+ instructions', 'M0+ cycles', 'small multiplier', 'rv32ec instructions', '/MAC', 'proven'];
const whole = new Intl.NumberFormat('en-US');

function printed(network: string, row: string): readonly string[] {
  const cell = cells.get(keyOf(network, row));
  if (!cell) return [NETWORKS[network]!.title, row, ...HEAD.slice(2).map(() => '–')];
  const { accuracy, targets, macs } = cell;
  const [small, plain] = [targets['cortex-m0plus'], targets['rv32ec']];
  const percent = (value: number) => `${(100 * value).toFixed(2)} %`;
  const perMac = (value: number | null) => (value === null ? '–' : (value / macs).toFixed(2));
  const exact = [small, plain].every(({ verify }) => verify.bitExact === true);
  const free = [small, plain].every(({ proofs }) => proofs.noMultiply === true);
  return [
    NETWORKS[network]!.title, row, percent(accuracy.float), percent(accuracy.integer), cell.bitsPerWeight.toFixed(2), whole.format(cell.weightBytes), `${whole.format(small.cost.codeBytes ?? 0)} + ${whole.format(small.cost.constBytes ?? 0)}`,
    perMac(small.cost.instructions), perMac(small.cost.estimatedCycles), perMac(small.cost.slowMultiplierCycles), whole.format(plain.cost.instructions ?? 0), perMac(plain.cost.instructions),
    `${exact ? 'bit-exact' : 'DIFFERS'}${free ? ', no multiplication' : ''}`,
  ];
}

const networks = chosen(given.models, NETWORKS);
const rows = chosen(given.rows, ROWS);
const unknown = [...networks.filter((name) => !NETWORKS[name]), ...rows.filter((name) => !ROWS[name])];
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(', ')}; models ${Object.keys(NETWORKS).join(', ')}, rows ${Object.keys(ROWS).join(', ')}`);
  process.exit(2);
}
for (const network of given.print ? [] : networks) {
  for (const row of rows) {
    const key = keyOf(network, row);
    const known = cells.get(key);
    if (known && given.instructions && existsSync(graphFile(key))) cells.save(key, await measureAgain(NETWORKS[network]!, key, known));
    else if (!given.instructions && (!known || given.again)) cells.save(key, await measure(NETWORKS[network]!, key, ROWS[row]!));
    else continue;
    console.log(printed(network, row).join('  '));
  }
}
console.log(table(HEAD, Object.keys(NETWORKS).flatMap((network) => Object.keys(ROWS).map((row) => printed(network, row))), [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]));
