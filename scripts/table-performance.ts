/**
 * The summary of docs/performance.md and the table of README.md, measured anew: `npm run table:performance`.
 *
 * Runs `ptq-gen bench` on the int8 files of MLPerf Tiny (below PTQ_GEN_BENCH) for all targets, layouts and goals, and
 * replaces what stands between the markers. `-- --reuse` takes the JSON files of an earlier run below build/performance.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { benchCommand, type BenchOptions } from '../src/commands/bench.js';
import type { PeerFigures } from '../src/report/peers.js';
import type { Report } from '../src/report/report.js';

type Result = Report & { readonly peer: PeerFigures | null; readonly optimize?: string };

const FILES = { AD: 'ad01_int8', IC: 'pretrainedResnet_quant', KWS: 'kws_ref_model', VWW: 'vww_96_int8' } as const;
const TITLES = { AD: 'anomaly detection', IC: 'ResNet-8', KWS: 'keyword spotting', VWW: 'visual wake words' } as const;
const TASKS = Object.keys(FILES) as (keyof typeof FILES)[];
type Task = (typeof TASKS)[number];

const models = join(resolve(process.env['PTQ_GEN_BENCH'] ?? '../shared/bench'), 'models/mlperf-tiny');
if (!existsSync(models)) {
  console.error(`no benchmark models at ${models}: set PTQ_GEN_BENCH`);
  process.exit(2);
}

async function measure(name: string, options: BenchOptions): Promise<readonly Result[]> {
  const folder = resolve('build/performance');
  mkdirSync(folder, { recursive: true });
  const json = join(folder, `${name}.json`);
  if (!process.argv.includes('--reuse') || !existsSync(json)) {
    const exitCode = await benchCommand(TASKS.map((task) => join(models, `${FILES[task]}.tflite`)), { vectors: 2, out: join(folder, 'project'), ...options, json });
    if (exitCode !== 0) throw new Error(`bench of ${name} ended with exit code ${exitCode}`);
  }
  const results = JSON.parse(readFileSync(json, 'utf8')) as readonly Result[];
  for (const { model, target, verify } of results) {
    if (verify.bitExact !== true || verify.tensorsUnobserved.length > 0) throw new Error(`${model.name} on ${target} is not proven`);
  }
  return results;
}

const layouts = await measure('layouts', { target: 'cortex-m7,cortex-m4,cortex-m33' });
const others = await measure('others', { target: 'cortex-m55,cortex-m0plus,rv32imc' });
const goals = await measure('goals', { target: 'cortex-m7', pareto: true });

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : number.format(value));
const perMac = (value: number | null, { model }: Result): string => (value === null ? '–' : (value / model.macs).toFixed(2));

function find(task: Task, target: string, weights = 'int8'): Result {
  const found = [...layouts, ...others].find((r) => r.model.name === FILES[task] && r.target === target && r.weights === weights);
  if (!found) throw new Error(`${FILES[task]} was not measured on ${target} with ${weights} weights`);
  return found;
}

/** With transformed weights, where a layer takes them. */
function fastest(task: Task, target: string): Result {
  return layouts.find((r) => r.model.name === FILES[task] && r.target === target && r.weights === 'int16 + winograd') ?? find(task, target, 'int16');
}

function goal(task: Task, name: string): Result {
  return goals.find((r) => r.model.name === FILES[task] && r.optimize === name)!;
}

const peer = (task: Task): PeerFigures => find(task, 'cortex-m7').peer!;
const line = (name: string, cell: (task: Task) => string): string => `| ${name} | ${TASKS.map(cell).join(' | ')} |`;
const head = (name: string): string => `${line(name, (task) => task)}\n| --- |${' ---: |'.repeat(TASKS.length)}`;
const bytes = ({ cost }: Result): string => `${count(cost.codeBytes)} + ${count(cost.constBytes)}`;

const summary = [
  head('instructions of one inference'),
  line('TFLite Micro + CMSIS-NN, cortex-m7', (t) => count(peer(t).instructions)),
  ...['cortex-m7', 'cortex-m4', 'cortex-m33'].flatMap((target) => [
    line(`${target}, \`--weights int8\``, (t) => count(find(t, target).cost.instructions)),
    line(`${target}, \`--weights int16 --winograd\``, (t) => count(fastest(t, target).cost.instructions)),
  ]),
  ...['cortex-m55', 'cortex-m0plus', 'rv32imc'].map((target) => line(target, (t) => count(find(t, target).cost.instructions))),
  '',
  head('for each nominal MAC, int8 weights'),
  ...['cortex-m7', 'cortex-m4', 'cortex-m33', 'cortex-m55', 'cortex-m0plus', 'rv32imc'].map((target) => line(`${target}, instructions`, (t) => perMac(find(t, target).cost.instructions, find(t, target)))),
  line('cortex-m0plus, estimated cycles', (t) => perMac(find(t, 'cortex-m0plus').cost.estimatedCycles, find(t, 'cortex-m0plus'))),
  line('cortex-m0plus, best published cycles, on a board', (t) => `${find(t, 'cortex-m0plus').peer!.publishedCyclesPerMac}`),
  '',
  head('cortex-m7, flash: code + constants'),
  line('`--weights int8`', (t) => bytes(find(t, 'cortex-m7'))),
  line('`--weights int16`', (t) => bytes(find(t, 'cortex-m7', 'int16'))),
  line('`--weights int16 --winograd`', (t) => bytes(fastest(t, 'cortex-m7'))),
  line('TFLite Micro: code + model file', (t) => `${count(peer(t).codeBytes)} + ${count(peer(t).flashBytes! - peer(t).codeBytes!)}`),
  '',
  head('cortex-m7, int8, RAM bytes: inputs, outputs, scratch, everything'),
  line('largest live set of the unfused graph', (t) => count(find(t, 'cortex-m7').cost.liveSetBytes)),
  line('TFLite Micro: its arena', (t) => count(peer(t).arenaBytes)),
  ...['speed', 'ram', 'flash'].map((name) => line(`\`--optimize ${name}\``, (t) => count(goal(t, name).cost.ramBytes))),
  ...['speed', 'ram', 'flash'].map((name) => line(`\`--optimize ${name}\`: instructions`, (t) => count(goal(t, name).cost.instructions))),
  line('`--optimize ram`: tensors inside strips, compared with fusion off', (t) => String(goal(t, 'ram').verify.tensorsCheckedUnfused.length)),
].join('\n');

const overview = TASKS.map((t) => {
  const cells = [TITLES[t], count(find(t, 'cortex-m7').model.macs), count(peer(t).instructions), count(find(t, 'cortex-m7').cost.instructions), count(fastest(t, 'cortex-m7').cost.instructions), count(peer(t).arenaBytes), count(goal(t, 'speed').cost.ramBytes), count(goal(t, 'ram').cost.ramBytes)];
  return `| ${cells.join(' | ')} |`;
}).join('\n');

/** Rows between `<!-- NAME -->` and `<!-- /NAME -->`. */
function replace(file: string, name: string, text: string): void {
  const before = readFileSync(file, 'utf8');
  const after = before.replace(new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(\n<!-- /${name} -->)`), (_, open: string, close: string) => `${open}${text}${close}`);
  if (!after.includes(text)) throw new Error(`${file} has no markers <!-- ${name} -->`);
  writeFileSync(file, after);
}

replace('docs/performance.md', 'table:performance', summary);
const readme = readFileSync('README.md', 'utf8');
const rows = /\| anomaly detection \|[\s\S]*?\n(?=\n)/;
if (!rows.test(readme)) throw new Error('README.md has no row of the anomaly detection');
writeFileSync('README.md', readme.replace(rows, `${overview}\n`));
