/** `ptq-gen bench MODEL… --target T`: cost per layer and in total, one table a model, then one for all. */
import { EXIT } from '../errors.js';
import { resolveOptions, type GivenOptions } from '../options.js';
import { runRoad } from '../pipeline.js';
import { silentProgress } from '../progress.js';
import type { Report } from '../report/report.js';
import { layerTable, table } from '../report/terminal.js';

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null): string => (value === null ? '–' : number.format(value));

export async function benchCommand(models: readonly string[], given: GivenOptions): Promise<number> {
  const reports: Report[] = [];
  for (const model of models) {
    const options = resolveOptions({ vectors: 4, ...given, model, target: given.target ?? 'cortex-m7' });
    for (const { report } of await runRoad(options, silentProgress)) {
      reports.push(report);
      process.stdout.write(`${report.model.name} on ${report.target}\n${layerTable(report)}\n\n`);
    }
  }
  process.stdout.write(`${totals(reports)}\n`);
  return reports.every((r) => r.verify.bitExact) ? EXIT.ok : EXIT.mismatch;
}

function totals(reports: readonly Report[]): string {
  const header = ['model', 'target', 'weights', 'MACs', 'instructions', '/MAC', 'arena', 'live set', 'code', 'constants', 'stack', 'bit-exact'];
  const rows = reports.map((r) => [
    r.model.name,
    r.target,
    r.weights,
    count(r.model.macs),
    count(r.cost.instructions),
    r.cost.instructionsPerMac?.toFixed(2) ?? '–',
    count(r.cost.arenaBytes),
    count(r.cost.liveSetBytes),
    count(r.cost.codeBytes),
    count(r.cost.constBytes),
    count(r.cost.stackBytes),
    r.verify.bitExact ? 'yes' : 'NO',
  ]);
  return table(header, rows, [3, 4, 5, 6, 7, 8, 9, 10]);
}
