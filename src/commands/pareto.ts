/** `ptq-gen bench MODEL… --pareto`: memory, instructions and flash of every --optimize choice. */
import { resolve } from 'node:path';
import { EXIT } from '../errors.js';
import { writeFileWhole } from '../files.js';
import { resolveOptions, type GivenOptions, type RoadOptions } from '../options.js';
import { buildTarget, quantizeModel } from '../pipeline.js';
import { silentProgress } from '../progress.js';
import type { Report } from '../report/report.js';
import { table } from '../report/terminal.js';
import { findTarget } from '../targets/index.js';

const GOALS: readonly RoadOptions['optimize'][] = ['speed', 'ram', 'flash'];

/** One result of one choice. */
export interface ParetoPoint {
  readonly goal: string;
  readonly report: Report;
}

export async function paretoCommand(models: readonly string[], given: GivenOptions): Promise<number> {
  let exact = true;
  const all: ParetoPoint[] = [];
  const quiet = given.json === '-';
  for (const path of models) {
    const base = resolveOptions({ vectors: 4, ...given, model: path, target: given.target ?? 'cortex-m7' });
    base.targets.forEach(findTarget);
    const model = await quantizeModel(base, silentProgress);
    for (const target of base.targets) {
      const points: ParetoPoint[] = [];
      for (const goal of GOALS) {
        const { report } = await buildTarget(model, target, { ...base, optimize: goal }, silentProgress);
        points.push({ goal, report });
        exact &&= report.verify.bitExact !== false;
      }
      all.push(...points);
      if (!quiet) process.stdout.write(`${model.graph.name} on ${target}\n${paretoTable(points)}\n\n`);
    }
  }
  const text = `${JSON.stringify(all.map(({ goal, report }) => ({ ...report, optimize: goal })), null, 2)}\n`;
  if (quiet) process.stdout.write(text);
  else if (given.json !== undefined) await writeFileWhole(resolve(given.json), text);
  return exact ? EXIT.ok : EXIT.mismatch;
}

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null): string => (value === null ? '–' : number.format(value));

/** One line a choice; the first one is what the others are compared with. */
export function paretoTable(points: readonly ParetoPoint[]): string {
  const first = points[0]?.report.cost;
  const share = (value: number | null, base: number | null | undefined) => (value === null || !base ? '–' : `${(100 * (value / base - 1)).toFixed(1)} %`.replace(/^(?=\d)/, '+'));
  const rows = points.map(({ goal, report: { cost, verify } }) => [
    goal,
    count(cost.arenaBytes),
    share(cost.arenaBytes, first?.arenaBytes),
    cost.arenaProof === 'none' ? 'open' : 'least',
    count(cost.instructions),
    share(cost.instructions, first?.instructions),
    count(cost.flashBytes),
    share(cost.flashBytes, first?.flashBytes),
    count(cost.stackBytes),
    String(verify.tensorsCheckedUnfused.length + verify.tensorsUnobserved.length),
    verify.bitExact === null ? 'not run' : verify.bitExact ? 'yes' : 'NO',
  ]);
  const header = ['optimize', 'arena', '', 'placement', 'instructions', '', 'flash', '', 'stack', 'tensors in strips', 'bit-exact'];
  return table(header, rows, [1, 2, 4, 5, 6, 7, 8, 9]);
}
