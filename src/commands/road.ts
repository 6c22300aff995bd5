/** `ptq-gen [MODEL] --target …`: the whole road, the reports, the budgets, the exit code. */
import { budgetsOf, isBroken, type Budget } from '../budgets.js';
import { EXIT, MemoryBudgetError, MismatchError, ProofError, UsageError } from '../errors.js';
import { writeFileWhole } from '../files.js';
import { resolveOptions, type GivenOptions, type RoadOptions } from '../options.js';
import { runRoad, type TargetResult } from '../pipeline.js';
import { silentProgress, terminalProgress } from '../progress.js';
import { htmlReport } from '../report/html.js';
import { junitReport } from '../report/junit.js';
import { mismatchOf } from '../report/report.js';
import { table, terminalReport } from '../report/terminal.js';
import { brokenPromises } from '../verify/index.js';

export async function roadCommand(given: GivenOptions & { config?: string }): Promise<number> {
  const { config, ...commandLine } = given;
  const options = resolveOptions(commandLine, config);
  if (options.targets.length === 0) throw new UsageError('no target is named', { hint: "add --target cortex-m7; 'ptq-gen targets' lists them" });
  const jsonOnStdout = options.json === '-';
  const results = await runRoad(options, jsonOnStdout ? silentProgress : terminalProgress());
  if (!jsonOnStdout) {
    for (const result of results) process.stdout.write(`\n${terminalReport(result.report)}\n${footnotes(result)}`);
    if (results.length > 1) process.stdout.write(`\n${acrossTargets(results)}\n`);
  }
  await writeReports(results, options);
  return verdict(results, options);
}

function footnotes(result: TargetResult): string {
  return [...result.notes.map((note) => `note          ${note}`), `project       ${result.directory}`, ''].join('\n');
}

/** One line a target: did all of them give the same output bits? */
function acrossTargets(results: readonly TargetResult[]): string {
  const crcs = new Set(results.map(({ report }) => report.verify.outputCrc32));
  const number = new Intl.NumberFormat('en-US');
  const rows = results.map(({ report: r }) => [
    r.target,
    r.verify.bitExact === null ? 'not run' : r.verify.bitExact ? 'bit-exact' : 'DIFFERS',
    r.verify.outputCrc32 ?? '–',
    r.cost.instructions === null ? '–' : number.format(r.cost.instructions),
    r.cost.instructionsPerMac === null ? '–' : r.cost.instructionsPerMac.toFixed(2),
    number.format(r.cost.arenaBytes),
    r.cost.flashBytes === null ? '–' : number.format(r.cost.flashBytes),
  ]);
  const same = crcs.size === 1 && !crcs.has(null) ? `the same output bits on all ${results.length} targets` : 'output bits differ or were not compared';
  return `${table(['target', 'verdict', 'CRC-32 of all outputs', 'instructions', '/MAC', 'arena', 'flash'], rows, [3, 4, 5, 6])}\n${same}`;
}

async function writeReports(results: readonly TargetResult[], options: RoadOptions): Promise<void> {
  const reports = results.map((r) => r.report);
  const json = `${JSON.stringify(reports.length === 1 ? reports[0] : reports, null, 2)}\n`;
  if (options.json === '-') process.stdout.write(json);
  else if (options.json) await writeFileWhole(options.json, json);
  if (options.html) await writeFileWhole(options.html, await htmlReport(results.map((r) => r.html)));
  if (options.junit) {
    const budgets = new Map(reports.map((r) => [r.target, budgetsOf(r, options)]));
    const broken = new Map([...budgets].map(([target, list]) => [target, list.filter(isBroken)]));
    await writeFileWhole(options.junit, junitReport(reports, budgets, broken));
  }
}

/** A wrong bit outranks a broken budget. */
function verdict(results: readonly TargetResult[], options: RoadOptions): number {
  for (const { report } of results) {
    const m = report.verify.firstMismatch;
    if (report.verify.ran && !report.verify.bitExact) {
      if (!m) return EXIT.mismatch;
      throw new MismatchError(mismatchOf(report.target, m));
    }
  }
  const broken: Budget[] = results.flatMap(({ report }) => budgetsOf(report, options).filter(isBroken));
  if (broken.length > 0) throw new MemoryBudgetError(broken);
  for (const { report } of results) {
    const broken = brokenPromises(report.proofs, report.arith === 'shift');
    if (broken.length > 0) throw new ProofError(report.target, broken);
  }
  return results.every(({ report }) => report.proofs.noOverflow) ? EXIT.ok : EXIT.mismatch;
}
