/** The report as a person reads it in a terminal: one table of layers, one of totals. */
import pc from 'picocolors';
import { fakeQuantDifference } from './fake-quant.js';
import { costText, gapText, paretoTable, type ReportMixedPrecision, sensitivityTable } from './mixed-precision.js';
import type { Report, ReportLayer } from './report.js';

const number = new Intl.NumberFormat('en-US');

function count(value: number | null): string {
  return value === null ? '–' : number.format(value);
}

/** Left-aligns text columns and right-aligns the columns named in `numeric`. */
export function table(header: readonly string[], rows: readonly (readonly string[])[], numeric: readonly number[]): string {
  const widths = header.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]) => cells.map((c, i) => (numeric.includes(i) ? c.padStart(widths[i]!) : c.padEnd(widths[i]!))).join('  ').trimEnd();
  return [pc.bold(line(header)), ...rows.map(line)].join('\n');
}

export function shorten(name: string, length = 36): string {
  return name.length <= length ? name : `…${name.slice(name.length - length + 1)}`;
}

/** Instructions and those a MAC; a layer that runs in another one's step shows a ditto mark, and the other one has both's. */
export function instructionCells(layer: ReportLayer, layers: readonly ReportLayer[]): readonly [string, string] {
  if (layer.fusedInto !== null) return ['″', ''];
  const macs = layer.macs + layers.reduce((sum, other) => sum + (other.fusedInto === layer.name ? other.macs : 0), 0);
  return [count(layer.instructions), layer.instructions !== null && macs > 0 ? (layer.instructions / macs).toFixed(2) : ''];
}

function layerRow(layer: ReportLayer, layers: readonly ReportLayer[], mixed: boolean): string[] {
  const bits = layer.weightBits === null ? `a${layer.activationBits}` : `w${layer.weightBits}a${layer.activationBits}`;
  return [
    shorten(layer.name),
    layer.op,
    ...(mixed ? [layer.kernels ?? '–'] : []),
    layer.outputShape.join('x'),
    bits,
    count(layer.macs),
    ...instructionCells(layer, layers),
    layer.sqnrDb === null ? '–' : layer.sqnrDb.toFixed(1),
  ];
}

export function layerTable(report: Report): string {
  // one family alone stands in the title
  const mixed = new Set(report.layers.flatMap((l) => l.kernels ?? [])).size > 1;
  const header = ['layer', 'operator', ...(mixed ? ['kernels'] : []), 'output', 'bits', 'MACs', 'instructions', '/MAC', 'SQNR dB'];
  return table(header, report.layers.map((l) => layerRow(l, report.layers, mixed)), [4, 5, 6, 7].map((column) => (mixed ? column + 1 : column)));
}

function verdict(report: Report): string {
  const v = report.verify;
  if (!v.ran) return pc.yellow('not run');
  const fused = v.tensorsCheckedUnfused.length === 0 ? '' : `, ${v.tensorsCheckedUnfused.length} inner tensors with fusion off`;
  const unseen = v.tensorsUnobserved.length === 0 ? '' : pc.yellow(`, ${v.tensorsUnobserved.length} inner tensors not seen`);
  if (v.bitExact) return pc.green(`bit-exact: ${v.vectors} vectors, ${v.tensorsCompared} tensors${fused}`) + unseen + ` on ${v.runner}`;
  const m = v.firstMismatch;
  return pc.red(m ? `differs first${m.unfused ? ' with fusion off' : ''} in vector ${m.vector}, tensor '${m.tensor}' [${m.index.join(', ')}]: simulator ${m.expected}, firmware ${m.actual}` : 'differs');
}

function proofLine(report: Report): string {
  const word = (name: string, value: boolean | null) => (value === null ? pc.dim(`${name} not checked`) : value ? pc.green(name) : pc.red(`NOT ${name}`));
  const p = report.proofs;
  return [word('no overflow', p.noOverflow), word('no float', p.noFloat), word('no heap', p.noHeap), ...(report.arith === 'shift' ? [word('no multiplication', p.noMultiply)] : [])].join(', ');
}

const ARENA_PROOFS: Readonly<Record<Report['cost']['arenaProof'], string>> = {
  'live-set': 'no placement is smaller: so much is alive at one step',
  solver: 'no placement is smaller: proven by integer programming',
  none: 'not proven to be the least',
};

function packingText({ packing }: Report['cost']): string {
  if (!packing) return '';
  const tensors = packing.tensors.length;
  return `; ${tensors} tensor${tensors === 1 ? '' : 's'} packed, for about ${count(packing.predictedInstructions)} instructions`;
}

export function summary(report: Report): string {
  const c = report.cost;
  const a = report.accuracy;
  const lines: [string, string][] = [
    ['verified', verdict(report)],
    ['proofs', proofLine(report)],
    ['instructions', c.instructions === null ? 'not counted on this target' : `${count(c.instructions)}${c.instructionsPerMac === null ? '' : ` (${c.instructionsPerMac.toFixed(2)} a nominal MAC, ${count(report.model.macs)} MACs)`}`],
    ['RAM', `${count(c.ramBytes)} B: arena ${count(c.arenaBytes)} (${ARENA_PROOFS[c.arenaProof]}; largest live set of the unfused graph ${count(c.liveSetBytes)}${packingText(c)}), stack ${count(c.stackBytes)}`],
    ['flash', `${count(c.flashBytes)} B: code ${count(c.codeBytes)}, constants ${count(c.constBytes)}`],
  ];
  if (c.estimatedCycles !== null) {
    const { macs } = report.model;
    const how = c.instructions === null ? 'counted by the emulator' : 'estimated';
    const perMac = (cycles: number): string => `${count(cycles)} ${how}${macs === 0 ? '' : ` (${(cycles / macs).toFixed(2)} a nominal MAC)`}`;
    const slow = c.slowMultiplierCycles === null ? '' : `; with the small multiplier ${perMac(c.slowMultiplierCycles)}`;
    lines.splice(3, 0, ['cycles', perMac(c.estimatedCycles) + slow]);
  }
  if (a) {
    const difference = fakeQuantDifference(report);
    const fake = a.fakeQuant === null ? '' : `, fake-quant ${score(a.metric, a.fakeQuant)}${difference === null ? '' : ` (${difference})`}`;
    const agreement = a.agreement === null ? '' : `, ${(100 * a.agreement).toFixed(1)} % of predictions agree`;
    lines.push([a.metric, `integer ${score(a.metric, a.integer)}, float ${score(a.metric, a.float)}${fake}${agreement}, ${a.samples} samples`]);
  }
  if (report.folding.macsBefore !== report.folding.macsAfter) {
    const share = (100 * (1 - report.folding.macsAfter / report.folding.macsBefore)).toFixed(1);
    lines.push(['exact folding', `${share} % of the MACs removed (${count(report.folding.macsBefore)} → ${count(report.folding.macsAfter)}), ${report.folding.channelsRemoved} channels, no bit changed`]);
  }
  lines.push(['seconds', Object.entries(report.seconds).filter(([, s]) => s !== null).map(([k, s]) => `${k} ${s!.toFixed(2)}`).join(', ')]);
  return lines.map(([k, v]) => `${pc.bold(k.padEnd(14))}${v}`).join('\n');
}

function score(metric: string, value: number): string {
  return metric === 'top1' || metric === 'miou' ? `${(100 * value).toFixed(2)} %` : metric === 'sqnrDb' ? `${value.toFixed(2)} dB` : value.toPrecision(5);
}

/** Sensitivities, the front, and what the budget came to. */
function mixedText(mixed: ReportMixedPrecision): string {
  const spent = mixed.budget.map(({ resource, limit }) => `${resource} ${costText(resource, mixed.measured[resource])} of ${costText(resource, limit)} (predicted ${costText(resource, mixed.predicted[resource])})`);
  const lines = [
    `${pc.bold('bit widths')}    ${spent.join(', ')} on ${mixed.target}; ${mixed.sensitivity} divergence ${mixed.objective.toPrecision(3)}, ${gapText(mixed.gap)}`,
    table(...sensitivityTable(mixed), [2, 3, 4, ...Array.from({ length: 7 }, (_, i) => 6 + i)]),
    '',
    table(...paretoTable(mixed), [1, 2, 3, 4]),
  ];
  return lines.join('\n');
}

export function terminalReport(report: Report): string {
  const title = pc.bold(pc.cyan(`${report.model.name} on ${report.target}`)) + pc.dim(`  kernels ${report.kernels}, weights ${report.weights}, ${report.bits}, ${report.arith}, ${report.method}`);
  return [title, layerTable(report), ...(report.mixedPrecision ? ['', mixedText(report.mixedPrecision)] : []), '', summary(report)].join('\n');
}
