/** What the page shows beside the report: the arena over time, histograms of weights and activations. */
import type { CalibrationTable } from '../calibration/types.js';
import { constantCodes, integerTensor, type IntegerGraph } from '../graph/integer.js';
import type { Schedule } from '../schedule/schedule.js';
import { codeHistogram, type ArenaBlock, type HistogramSeries } from './charts.js';
import type { HtmlData } from './html.js';
import type { Report } from './report.js';

/** Pictures beyond this number make the page heavy and nobody looks at them. */
const MOST_HISTOGRAMS = 60;

function arenaBlocks(schedule: Schedule): ArenaBlock[] {
  const blocks: ArenaBlock[] = [];
  for (const [id, life] of schedule.arena.lifetimes) {
    const offset = schedule.arena.offsets.get(id);
    if (offset === undefined) continue;
    blocks.push({ name: integerTensor(schedule.graph, id).name, offset, bytes: life.bytes, first: life.first, last: life.last });
  }
  for (const step of schedule.steps) {
    const offset = schedule.arena.scratchOffsets[step.index];
    if (step.scratchBytes > 0 && offset !== undefined) blocks.push({ name: `scratch of step ${step.index}`, offset, bytes: step.scratchBytes, first: step.index, last: step.index });
  }
  return blocks;
}

function weightHistograms(graph: IntegerGraph): HistogramSeries[] {
  const series: HistogramSeries[] = [];
  for (const node of graph.nodes) {
    const weights = node.inputs[1];
    if (!node.bounds || weights === undefined) continue;
    const tensor = integerTensor(graph, weights);
    if (tensor.constant && tensor.type.bits <= 8) series.push(codeHistogram(node.origin.nodeName || node.id, constantCodes(graph, weights)));
  }
  return series;
}

function activationHistograms(graph: IntegerGraph, calibration: CalibrationTable | null): HistogramSeries[] {
  const series: HistogramSeries[] = [];
  for (const [id, range] of calibration?.ranges ?? []) {
    const tensor = graph.tensors.get(id);
    if (tensor && !tensor.constant) series.push({ name: tensor.name, low: range.histogram.low, high: range.histogram.high, counts: range.histogram.counts });
  }
  return series;
}

const TITLE_LENGTH = 22;

/** Titles that fit: the end of a path tells layers apart. Series of the same title would fall into one picture. */
function distinct(series: readonly HistogramSeries[]): HistogramSeries[] {
  const seen = new Map<string, number>();
  return series.slice(0, MOST_HISTOGRAMS).map((s) => {
    const title = s.name.length > TITLE_LENGTH ? `…${s.name.slice(1 - TITLE_LENGTH)}` : s.name;
    const count = (seen.get(title) ?? 0) + 1;
    seen.set(title, count);
    return { ...s, name: count === 1 ? title : `${title} (${count})` };
  });
}

export function htmlData(report: Report, schedule: Schedule, calibration: CalibrationTable | null): HtmlData {
  const { graph } = schedule;
  return { report, arena: arenaBlocks(schedule), weights: distinct(weightHistograms(graph)), activations: distinct(activationHistograms(graph, calibration)) };
}
