/** One self-contained page a run: summary, layers, arena picture, histograms. No script, no network, readable in print. */
import { arenaChart, histogramChart, type ArenaBlock, type HistogramSeries } from './charts.js';
import { fakeQuantDifference } from './fake-quant.js';
import { mixedPrecisionSection } from './mixed-precision-html.js';
import type { Report, ReportLayer } from './report.js';

export interface HtmlData {
  readonly report: Report;
  readonly arena: readonly ArenaBlock[];
  /** Weight codes a layer. */
  readonly weights: readonly HistogramSeries[];
  /** Real activations over the calibration samples. */
  readonly activations: readonly HistogramSeries[];
}

const number = new Intl.NumberFormat('en-US');
const count = (value: number | null): string => (value === null ? '–' : number.format(value));

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667; --line: #8883; --good: #1a7f37; --bad: #c0242c; --card: #8881; --bar: #4c78a8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --soft: #9aa; --good: #4ac26b; --bad: #ff7b72; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 1040px; margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2.2rem 0 .6rem; } .soft { color: var(--soft); }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); gap: .7rem; margin: 1.2rem 0; }
.card { background: var(--card); border-radius: 8px; padding: .7rem .9rem; } .card b { display: block; font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); }
table { border-collapse: collapse; width: 100%; font-size: 13px; } th { text-align: left; font-weight: 600; }
td, th { padding: .25rem .5rem; border-bottom: 1px solid var(--line); } .n { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } svg { max-width: 100%; height: auto; } code { font-size: 12px; overflow-wrap: anywhere; }
.bar { display: inline-block; height: 8px; background: var(--bar); border-radius: 2px; vertical-align: middle; }
section + section { border-top: 3px double var(--line); margin-top: 3rem; padding-top: 1.5rem; }
`;

function card(label: string, value: string, note = '', tone = ''): string {
  return `<div class="card"><span class="soft">${label}</span><b class="${tone}">${value}</b><span class="soft">${note}</span></div>`;
}

function cards(r: Report): string {
  const v = r.verify;
  const verdict = !v.ran ? card('firmware', 'not run') : card('firmware', v.bitExact ? 'bit-exact' : 'differs', `${v.vectors} vectors, ${count(v.tensorsCompared)} tensors`, v.bitExact ? 'good' : 'bad');
  const c = r.cost;
  const out = [
    verdict,
    card('instructions', count(c.instructions), c.instructionsPerMac === null ? '' : `${c.instructionsPerMac.toFixed(2)} a MAC`),
    card('RAM', `${count(c.ramBytes ?? c.arenaBytes)} B`, `arena ${count(c.arenaBytes)}, stack ${count(c.stackBytes)}`),
    card('flash', `${count(c.flashBytes)} B`, `code ${count(c.codeBytes)}, constants ${count(c.constBytes)}`),
  ];
  if (r.accuracy) {
    const show = (x: number) => (r.accuracy!.metric === 'top1' ? `${(100 * x).toFixed(2)} %` : x.toPrecision(5));
    const difference = fakeQuantDifference(r);
    const fake = r.accuracy.fakeQuant === null ? '' : `, fake-quant ${show(r.accuracy.fakeQuant)}${difference === null ? '' : ` (${difference})`}`;
    out.push(card(`${r.accuracy.metric}, integer`, show(r.accuracy.integer), `float ${show(r.accuracy.float)}${fake}, ${r.accuracy.samples} samples`));
  }
  const proof = (name: string, value: boolean | null) => card(name, value === null ? 'not checked' : value ? 'proven' : 'FAILS', '', value === null ? '' : value ? 'good' : 'bad');
  out.push(proof('no overflow', r.proofs.noOverflow), proof('no float', r.proofs.noFloat), proof('no heap', r.proofs.noHeap), ...(r.arith === 'shift' ? [proof('no multiplication', r.proofs.noMultiply)] : []));
  return `<div class="cards">${out.join('')}</div>`;
}

function layerRow(layer: ReportLayer, most: number): string {
  const bits = layer.weightBits === null ? `a${layer.activationBits}` : `w${layer.weightBits}a${layer.activationBits}`;
  const width = layer.instructions === null || most === 0 ? 0 : Math.round((90 * layer.instructions) / most);
  return (
    `<tr><td>${escapeHtml(layer.name)}</td><td>${layer.op}</td><td>${layer.kernels ?? '–'}</td><td>${layer.outputShape.join('×')}</td><td>${bits}</td>` +
    `<td class="n">${count(layer.macs)}</td><td class="n">${layer.fusedInto === null ? count(layer.instructions) : `<span title="in the step of ${escapeHtml(layer.fusedInto)}">″</span>`}</td><td><span class="bar" style="width:${width}px"></span></td>` +
    `<td class="n">${layer.sqnrDb === null ? '–' : layer.sqnrDb.toFixed(1)}</td></tr>`
  );
}

function layerTable(r: Report): string {
  const most = Math.max(0, ...r.layers.map((l) => l.instructions ?? 0));
  const rows = r.layers.map((l) => layerRow(l, most)).join('\n');
  return `<div class="wide"><table><thead><tr><th>layer</th><th>operator</th><th>kernels</th><th>output</th><th>bits</th><th class="n">MACs</th><th class="n">instructions</th><th></th><th class="n">SQNR dB</th></tr></thead><tbody>\n${rows}\n</tbody></table></div>`;
}

function facts(r: Report): string {
  const ports = [...r.model.inputs.map((p) => ['input', p] as const), ...r.model.outputs.map((p) => ['output', p] as const)];
  const rows = ports.map(([kind, p]) => `<tr><td>${kind}</td><td>${escapeHtml(p.name)}</td><td>${p.shape.join('×')}</td><td>${p.type}</td><td class="n">${p.scale ?? '–'}</td><td class="n">${p.zeroPoint ?? '–'}</td></tr>`);
  return (
    `<p>${count(r.model.macs)} MACs, ${count(r.model.params)} parameters. sha256 <code>${r.model.sha256}</code></p>` +
    `<table><thead><tr><th></th><th>name</th><th>shape</th><th>type</th><th class="n">scale</th><th class="n">zero point</th></tr></thead><tbody>${rows.join('')}</tbody></table>`
  );
}

async function section(data: HtmlData): Promise<string> {
  const r = data.report;
  const mismatch = r.verify.firstMismatch;
  const parts = [
    `<h1>${escapeHtml(r.model.name)} <span class="soft">on ${escapeHtml(r.target)}</span></h1>`,
    `<p class="soft">${escapeHtml(r.tool)}; kernels ${escapeHtml(r.kernels)}, weights ${r.weights}, ${r.bits}, ${r.arith}, ${r.method}, seed ${r.seed}${r.verify.runner ? `; ran on ${escapeHtml(r.verify.runner)}` : ''}</p>`,
    cards(r),
    mismatch ? `<p class="bad">First difference: vector ${mismatch.vector}, tensor ${escapeHtml(mismatch.tensor)} at [${mismatch.index.join(', ')}]: simulator ${mismatch.expected}, firmware ${mismatch.actual}.</p>` : '',
    `<h2>Layers</h2>${layerTable(r)}`,
    r.mixedPrecision ? await mixedPrecisionSection(r.mixedPrecision, escapeHtml) : '',
    `<h2>Arena over time</h2><p class="soft">${count(r.cost.arenaBytes)} bytes; the largest live set of the unfused graph is ${count(r.cost.liveSetBytes)}.</p>${await arenaChart(data.arena, r.cost.arenaBytes)}`,
    data.weights.length > 0 ? `<h2>Weights, as codes</h2>${await histogramChart(data.weights)}` : '',
    data.activations.length > 0 ? `<h2>Activations over the calibration data</h2>${await histogramChart(data.activations)}` : '',
    `<h2>Model</h2>${facts(r)}`,
    r.proofs.details.length > 0 ? `<h2>Proofs</h2><ul>${r.proofs.details.map((d) => `<li>${escapeHtml(d)}</li>`).join('')}</ul>` : '',
  ];
  return `<section>\n${parts.filter(Boolean).join('\n')}\n</section>`;
}

/** The page for one run over one or several targets. */
export async function htmlReport(data: readonly HtmlData[]): Promise<string> {
  const sections: string[] = [];
  for (const d of data) sections.push(await section(d));
  const title = data[0] ? `${data[0].report.model.name} · ptq-gen` : 'ptq-gen';
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">\n<title>${escapeHtml(title)}</title>\n<style>${STYLE}</style></head>\n<body>\n${sections.join('\n')}\n</body></html>\n`;
}
