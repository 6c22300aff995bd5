/**
 * A diffusion model with the integer network in the sampler's loop, calibrated in five ways:
 *   npm run table:diffusion [-- --sets ptq4dm,images] [--bits w8a8] [--again] [--print]
 *
 * Every finished cell is stored in build/table-diffusion.json; the command goes on with what is missing and prints the table.
 */
import { parseArgs } from 'node:util';
import { calibrate } from '../src/calibration/index.js';
import { verifyIntegerGraph } from '../src/graph/verify.js';
import type { IntegerGraph } from '../src/graph/integer.js';
import { optimizeIntegerGraph } from '../src/passes/integer/index.js';
import { lowerGraph, planQuantization, refinePlan } from '../src/quantization/index.js';
import { table } from '../src/report/terminal.js';
import { CellStore } from './cells.js';
import { type CalibrationName, type DiffusionTask, diffusionTask, type Rating } from './diffusion-task.js';

const SETS: Readonly<Record<CalibrationName, string>> = {
  ptq4dm: 'sampler, steps normally distributed (ptq4dm)',
  uniform: 'sampler, steps uniform',
  noised: 'real images noised, steps uniform',
  images: 'real images, step 0',
  gaussian: 'Gaussian noise, last step',
};

interface Row {
  readonly bits: string;
  readonly set: CalibrationName;
  /** Biases and weight scales follow the float moments. */
  readonly corrected: boolean;
}

/** The calibration alone differs within a width; what the correction does is measured on the method's own. */
const ROWS: readonly Row[] = [
  ...['w8a8', 'w4a8', 'w6a6'].flatMap((bits) => (Object.keys(SETS) as CalibrationName[]).map((set) => ({ bits, set, corrected: true }))),
  ...['w8a8', 'w4a8', 'w8a16'].map((bits) => ({ bits, set: 'ptq4dm', corrected: false }) as const),
];
const keyOf = ({ bits, set, corrected }: Row): string => `${bits}/${set}${corrected ? '' : '/uncorrected'}`;
const titleOf = (row: Row): string => `${row.bits}, ${SETS[row.set]}${row.corrected ? '' : ', uncorrected'}`;

const { values: given } = parseArgs({ options: { sets: { type: 'string' }, bits: { type: 'string' }, again: { type: 'boolean', default: false }, print: { type: 'boolean', default: false } } });
const isAsked = (text: string | undefined, name: string): boolean => text === undefined || text.split(',').includes(name);
const wanted = ROWS.filter(({ bits, set }) => isAsked(given.bits, bits) && isAsked(given.sets, set));
const cells = new CellStore<Rating>('table-diffusion');

async function quantized(task: DiffusionTask, { bits, set, corrected }: Row, note: (text: string) => void): Promise<IntegerGraph> {
  const samples = await task.calibration(set);
  note('calibration');
  const calibration = await calibrate(task.float, samples, { observer: 'mse', bits: 8 });
  const draft = planQuantization(task.float, calibration, { method: 'nearest', bits, seed: 0 });
  const plan = await refinePlan(draft, { graph: task.float, calibration, samples, seed: 0, biasCorrection: corrected, note });
  const { graph } = optimizeIntegerGraph(lowerGraph(task.float, plan, {}));
  verifyIntegerGraph(graph);
  return graph;
}

async function measure(): Promise<void> {
  const task = await diffusionTask();
  const note = (key: string) => (text: string) => void process.stderr.write(`${key}: ${text}\x1b[K\r`);
  const missing = (key: string): boolean => !cells.get(key) || given.again;
  if (missing('float')) cells.save('float', await task.rate(null, note('float')));
  for (const one of wanted) {
    const key = keyOf(one);
    if (!missing(key)) continue;
    cells.save(key, await task.rate(await quantized(task, one, note(key)), note(key)));
    console.log(row(key, cells.get(key)!).join('  '));
  }
}

function row(name: string, { noiseMse, imageMse, imagePsnrDb, confidence, confident, frechet }: Rating): readonly string[] {
  const against = imageMse === 0 ? ['–', '–'] : [imageMse.toFixed(4), `${imagePsnrDb.toFixed(1)} dB`];
  return [name, noiseMse.toFixed(4), ...against, confidence.toFixed(3), `${(100 * confident).toFixed(0)} %`, frechet.toFixed(1)];
}

if (!given.print) await measure();
const float = cells.get('float');
const rows = ROWS.flatMap((one) => {
  const cell = cells.get(keyOf(one));
  return cell ? [row(titleOf(one), cell)] : [];
});
console.log(table(['network and calibration', 'noise, MSE', 'images against float, MSE', 'PSNR', 'confidence', 'above 0.9', 'Fréchet distance'], [...(float ? [row('float', float)] : []), ...rows], [1, 2, 3, 4, 5, 6]));
