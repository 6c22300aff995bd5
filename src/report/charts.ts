/** Pictures of the report as static SVG, drawn by Vega without a DOM, so that the page needs no network and no script. */

/** One tensor in the arena: alive from step `first` to `last`, at [offset, offset + bytes). */
export interface ArenaBlock {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface HistogramSeries {
  readonly name: string;
  readonly low: number;
  readonly high: number;
  readonly counts: readonly number[];
}

type Spec = Record<string, unknown>;

async function toSvg(spec: Spec): Promise<string> {
  const [{ compile }, vega] = await Promise.all([import('vega-lite'), import('vega')]);
  const config = { background: null, font: 'system-ui, sans-serif', axis: { grid: false, labelColor: '#888', titleColor: '#888', domainColor: '#bbb', tickColor: '#bbb' }, view: { stroke: null } };
  const compiled = compile({ ...spec, config } as never).spec;
  const view = new vega.View(vega.parse(compiled), { renderer: 'none', logLevel: vega.Error });
  const svg = await view.toSVG();
  view.finalize();
  return svg;
}

/** Arena over time: x = step, y = byte offset, one rectangle a tensor. */
export function arenaChart(blocks: readonly ArenaBlock[], arenaBytes: number): Promise<string> {
  const values = blocks.map((b, i) => ({ name: b.name, x: b.first - 0.5, x2: b.last + 0.5, y: b.offset, y2: b.offset + b.bytes, shade: i % 10 }));
  return toSvg({
    width: 760,
    height: 260,
    data: { values },
    mark: { type: 'rect', stroke: '#fff', strokeWidth: 0.7, opacity: 0.85 },
    encoding: {
      x: { field: 'x', type: 'quantitative', title: 'step', scale: { nice: false }, axis: { values: stepTicks(blocks), format: 'd' } },
      x2: { field: 'x2' },
      y: { field: 'y', type: 'quantitative', title: 'arena bytes', scale: { domain: [0, Math.max(arenaBytes, 1)], nice: false } },
      y2: { field: 'y2' },
      color: { field: 'shade', type: 'nominal', scale: { scheme: 'tableau10' }, legend: null },
      tooltip: { field: 'name' },
    },
  });
}

function stepTicks(blocks: readonly ArenaBlock[]): number[] {
  const last = Math.max(0, ...blocks.map((b) => b.last));
  const stride = Math.max(1, Math.ceil(last / 20));
  return Array.from({ length: Math.floor(last / stride) + 1 }, (_, i) => i * stride);
}

/** Small multiples of histograms, `columns` a row; counts are merged to at most 48 bars. */
export function histogramChart(series: readonly HistogramSeries[], columns = 6): Promise<string> {
  const values = series.flatMap((s, order) => bars(s).map((b) => ({ ...b, name: s.name, order })));
  return toSvg({
    data: { values },
    facet: { field: 'name', type: 'nominal', sort: { field: 'order' }, title: null, header: { labelFontSize: 10, labelColor: '#888', labelLimit: 150 } },
    columns,
    spec: {
      width: 126,
      height: 54,
      mark: { type: 'rect', color: '#4c78a8' },
      encoding: {
        x: { field: 'x', type: 'quantitative', title: null, axis: { tickCount: 3 } },
        x2: { field: 'x2' },
        y: { field: 'share', type: 'quantitative', title: null, axis: null },
        y2: { datum: 0 },
      },
    },
    resolve: { scale: { x: 'independent', y: 'independent' } },
  });
}

function bars(s: HistogramSeries, limit = 48): { x: number; x2: number; share: number }[] {
  const merge = Math.max(1, Math.ceil(s.counts.length / limit));
  const width = (s.high - s.low) / s.counts.length;
  const total = s.counts.reduce((a, b) => a + b, 0) || 1;
  const out: { x: number; x2: number; share: number }[] = [];
  for (let i = 0; i < s.counts.length; i += merge) {
    const sum = s.counts.slice(i, i + merge).reduce((a, b) => a + b, 0);
    out.push({ x: s.low + i * width, x2: s.low + Math.min(i + merge, s.counts.length) * width, share: sum / total });
  }
  return out;
}

/** Histogram of integer codes, one bar a code where the range is small. */
export function codeHistogram(name: string, codes: ArrayLike<number>): HistogramSeries {
  let low = 0;
  let high = 0;
  for (let i = 0; i < codes.length; i++) {
    low = Math.min(low, codes[i]!);
    high = Math.max(high, codes[i]!);
  }
  const bins = Math.min(high - low + 1, 256);
  const counts = new Array<number>(bins).fill(0);
  const width = (high + 1 - low) / bins;
  for (let i = 0; i < codes.length; i++) counts[Math.min(bins - 1, Math.floor((codes[i]! - low) / width))]!++;
  return { name, low, high: high + 1, counts };
}

/** A choice of bit widths: what it costs and how far the predictions move. */
export interface WidthPoint {
  readonly cost: number;
  readonly divergence: number;
  /** `w4a8` of uniform widths; empty on the front. */
  readonly label: string;
  readonly kind: 'best widths' | 'one width' | 'chosen';
}

/** The front of bit widths as a line, uniform widths and the chosen ones as points beside it. */
export function widthsChart(points: readonly WidthPoint[], costTitle: string): Promise<string> {
  // A logarithmic scale has no place for 0.
  const values = points.map((point) => ({ ...point, divergence: Math.max(point.divergence, 1e-9) }));
  const x = { field: 'cost', type: 'quantitative', title: costTitle, scale: { zero: false } };
  const y = { field: 'divergence', type: 'quantitative', title: 'divergence from float', scale: { type: 'log' }, axis: { tickCount: 6, format: '~e' } };
  const color = { field: 'kind', type: 'nominal', title: null, scale: { domain: ['best widths', 'one width', 'chosen'], range: ['#4c78a8', '#888', '#e45756'] } };
  const only = (kind: WidthPoint['kind']) => [{ filter: { field: 'kind', equal: kind } }];
  return toSvg({
    width: 640,
    height: 280,
    data: { values },
    layer: [
      { transform: only('best widths'), mark: { type: 'line', interpolate: 'step-after' }, encoding: { x, y, color } },
      { mark: { type: 'point', filled: true, size: 50, opacity: 1 }, encoding: { x, y, color } },
      { transform: only('one width'), mark: { type: 'text', align: 'left', dx: 7, color: '#888' }, encoding: { x, y, text: { field: 'label' } } },
    ],
  });
}
