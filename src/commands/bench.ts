/** `ptq-gen bench MODEL… --target T`: cost per layer and in total, one table a model, then one for all. */
import { EXIT } from '../errors.js';
import type { IntegerGraph } from '../graph/integer.js';
import { resolveOptions, type GivenOptions } from '../options.js';
import { buildTarget, quantizeModel } from '../pipeline.js';
import { silentProgress } from '../progress.js';
import { peerInstructions, readPeers, type Peers } from '../report/peers.js';
import type { Report } from '../report/report.js';
import { findTarget } from '../targets/index.js';
import { layerTable, table } from '../report/terminal.js';
import { paretoCommand } from './pareto.js';

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null): string => (value === null ? '–' : number.format(value));

export async function benchCommand(models: readonly string[], given: GivenOptions & { readonly pareto?: boolean }): Promise<number> {
  const { pareto, ...others } = given;
  return pareto ? paretoCommand(models, others) : benchTables(models, others);
}

async function benchTables(models: readonly string[], given: GivenOptions): Promise<number> {
  const peers = readPeers();
  const reports: Report[] = [];
  for (const path of models) {
    const options = resolveOptions({ vectors: 4, ...given, model: path, target: given.target ?? 'cortex-m7' });
    options.targets.forEach(findTarget);
    const model = await quantizeModel(options, silentProgress);
    for (const target of options.targets) {
      const { report } = await buildTarget(model, target, options, silentProgress);
      reports.push(report);
      process.stdout.write(`${report.model.name} on ${report.target}\n${layerTable(report)}\n${besidePeers(report, model.graph, peers)}\n`);
    }
  }
  process.stdout.write(`${totals(reports, peers)}\n`);
  return reports.every((r) => r.verify.bitExact) ? EXIT.ok : EXIT.mismatch;
}

/** Layers beside the peer's kernels, on the core that the peer was measured on. */
function besidePeers(report: Report, graph: IntegerGraph, peers: Peers | null): string {
  if (!peers || report.target !== 'cortex-m7') return '';
  const rows = graph.nodes.flatMap((node, i) => {
    const theirs = peerInstructions(peers, node, graph);
    const ours = report.layers[i]?.instructions ?? null;
    return theirs === null || ours === null ? [] : [[report.layers[i]!.name, node.op, count(ours), count(Math.round(theirs)), (theirs / Math.max(1, ours)).toFixed(2)]];
  });
  return rows.length === 0 ? '' : `\n${table(['layer', 'operator', 'instructions', 'CMSIS-NN kernel', 'times fewer'], rows, [2, 3, 4])}\n`;
}

function totals(reports: readonly Report[], peers: Peers | null): string {
  const header = ['model', 'target', 'weights', 'MACs', 'instructions', '/MAC', 'arena', 'live set', 'code', 'constants', 'stack', 'bit-exact', 'TFLM + CMSIS-NN', 'times fewer'];
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
    ...peerCells(r, peers),
  ]);
  return table(header, rows, [3, 4, 5, 6, 7, 8, 9, 10, 12, 13]);
}

function peerCells(report: Report, peers: Peers | null): readonly [string, string] {
  const theirs = report.target === 'cortex-m7' ? peers?.models[report.model.name]?.instructions : undefined;
  const ours = report.cost.instructions;
  return theirs === undefined || ours === null ? ['–', '–'] : [count(theirs), (theirs / ours).toFixed(2)];
}
