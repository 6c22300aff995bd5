/** The tables of `ptq-gen bench`: layouts of the weights side by side, beside what peers need for the same work. */
import pc from 'picocolors';
import type { PeerFigures } from './peers.js';
import type { Report } from './report.js';
import { instructionCells, shorten, table } from './terminal.js';

/** One model on one target in one layout of its weights. */
export interface BenchResult {
  readonly report: Report;
  readonly peer: PeerFigures | null;
}

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null | undefined): string => (value === null || value === undefined ? '–' : number.format(value));
const ratio = (a: number | null | undefined, b: number | null | undefined): string => (a === null || a === undefined || !b ? '–' : (a / b).toFixed(2));

const shownOr = (value: number | null | undefined): string => (value === null || value === undefined ? '' : number.format(value));

/** Results of one model on one target, one a layout: the layers, then the totals, one column a layout each. */
export function benchTables(results: readonly BenchResult[]): string {
  const { report, peer } = results[0]!;
  const folded = report.cost.macsExecuted === report.model.macs ? '' : `, ${count(report.cost.macsExecuted)} left after exact folding`;
  const title = pc.bold(pc.cyan(`${report.model.name} on ${report.target}`)) + pc.dim(`  ${count(report.model.macs)} MACs${folded}; ${report.bits}, ${report.arith}; instructions of one inference`);
  return [title, layers(results, peer), '', totals(results, peer), ''].join('\n');
}

function layers(results: readonly BenchResult[], peer: PeerFigures | null): string {
  const [first] = results;
  const hasPeer = peer?.layers.some((layer) => layer !== null) ?? false;
  const several = results.length > 1;
  const columns = results.flatMap(({ report }) => [several ? report.weights : 'instructions', '/MAC']);
  const header = ['layer', 'operator', 'output', 'MACs', ...columns, ...(hasPeer ? ['CMSIS-NN kernel', several ? `/ ${first!.report.weights}` : '/ ours'] : [])];
  const rows = first!.report.layers.map((layer, i) => [
    shorten(layer.name),
    layer.op,
    layer.outputShape.join('x'),
    count(layer.macs),
    ...results.flatMap(({ report }) => instructionCells(report.layers[i]!, report.layers)),
    ...(hasPeer ? [count(peer!.layers[i]), ratio(peer!.layers[i], layer.instructions)] : []),
  ]);
  return table(header, rows, header.map((_, column) => column).slice(3));
}

function totals(results: readonly BenchResult[], peer: PeerFigures | null): string {
  const figure = (name: string, of: (report: Report) => string, theirs = ''): string[] => [name, ...results.map(({ report }) => of(report)), theirs];
  const { model, cost } = results[0]!.report;
  const rows = [
    figure('instructions', (r) => count(r.cost.instructions), shownOr(peer?.instructions)),
    figure('  a nominal MAC', (r) => ratio(r.cost.instructions, model.macs), peer?.instructions ? ratio(peer.instructions, model.macs) : ''),
    ...(peer?.instructions ? [figure(`  ${peer.name} takes times as many`, (r) => ratio(peer.instructions, r.cost.instructions))] : []),
    ...(cost.estimatedCycles !== null
      ? [figure('estimated cycles', (r) => count(r.cost.estimatedCycles)), figure('  a nominal MAC', (r) => ratio(r.cost.estimatedCycles, model.macs), peer?.publishedCyclesPerMac ? `${peer.publishedCyclesPerMac} published` : '')]
      : []),
    figure('flash bytes', (r) => count(r.cost.flashBytes), shownOr(peer?.flashBytes)),
    figure('  constants', (r) => count(r.cost.constBytes)),
    figure('  code', (r) => count(r.cost.codeBytes), shownOr(peer?.codeBytes)),
    figure('RAM bytes', (r) => count(r.cost.ramBytes), shownOr(peer?.arenaBytes)),
    figure('  largest live set of the unfused graph', (r) => count(r.cost.liveSetBytes)),
    figure('stack bytes, at most', (r) => count(r.cost.stackBytes)),
    figure('bits equal to the simulator', bitExact),
  ];
  // what a peer was measured for on this very core, or has published for it
  const theirs = peer?.instructions ? [peer.name] : peer && cost.estimatedCycles !== null ? ['on a board'] : [];
  const shown = theirs.length > 0 ? rows : rows.map((row) => row.slice(0, -1));
  return table(['weights', ...results.map(({ report }) => report.weights), ...theirs], shown, shown[0]!.map((_, column) => column).slice(1));
}

function bitExact({ verify }: Report): string {
  return verify.bitExact === null ? 'not run' : verify.bitExact ? `yes, ${verify.vectors} vectors` : 'NO';
}

/** One line a result. */
export function benchSummary(results: readonly BenchResult[]): string {
  const hasCycles = results.some(({ report }) => report.cost.estimatedCycles !== null);
  const hasPeer = results.some(({ peer }) => peer?.instructions);
  const header = ['model', 'target', 'weights', 'instructions', '/MAC', ...(hasCycles ? ['cycles/MAC', 'published'] : []), 'flash', 'code', 'RAM', 'stack', 'bits equal', ...(hasPeer ? ['TFLM + CMSIS-NN', '/ ours'] : [])];
  const rows = results.map(({ report: r, peer }) => [
    r.model.name,
    r.target,
    r.weights,
    count(r.cost.instructions),
    ratio(r.cost.instructions, r.model.macs),
    ...(hasCycles ? [ratio(r.cost.estimatedCycles, r.model.macs), (r.cost.estimatedCycles !== null && peer?.publishedCyclesPerMac?.toFixed(2)) || '–'] : []),
    count(r.cost.flashBytes),
    count(r.cost.codeBytes),
    count(r.cost.ramBytes),
    count(r.cost.stackBytes),
    r.verify.bitExact === null ? 'not run' : r.verify.bitExact ? 'yes' : 'NO',
    ...(hasPeer ? [count(peer?.instructions), ratio(peer?.instructions, r.cost.instructions)] : []),
  ]);
  return table(header, rows, header.map((_, column) => column).filter((column) => column > 2));
}
