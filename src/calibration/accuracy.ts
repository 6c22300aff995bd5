/** How good outputs are: against labels, or against other outputs. */
import { CalibrationError } from '../errors.js';
import { elementCount, type TensorId } from '../graph/float.js';
import type { Labels } from './data/labels.js';

export type Metric = 'top1' | 'mse' | 'sqnrDb' | 'miou';
export const METRICS: readonly Metric[] = ['top1', 'mse', 'sqnrDb', 'miou'];

type Values = ArrayLike<number>;

/** The tensor a classifier is judged by: the last one before a terminal softmax (or reshape of one), else the output itself. */
export function scoringTensor(graph: { readonly nodes: readonly { readonly op: string; readonly inputs: readonly TensorId[]; readonly outputs: readonly TensorId[] }[] }, output: TensorId): TensorId {
  const producer = graph.nodes.find((node) => node.outputs.includes(output));
  if (producer?.op === 'softmax') return producer.inputs[0]!;
  if (producer?.op !== 'reshape') return output;
  const before = scoringTensor(graph, producer.inputs[0]!);
  return before === producer.inputs[0] ? output : before;
}

/** Index of the largest of each `classes` values, the lowest of equals. */
export function predictions(values: Values, classes: number): Int32Array {
  const result = new Int32Array(values.length / classes);
  for (let sample = 0; sample < result.length; sample++) {
    let best = sample * classes;
    for (let i = best + 1; i < (sample + 1) * classes; i++) if (values[i]! > values[best]!) best = i;
    result[sample] = best - sample * classes;
  }
  return result;
}

/** Fraction of equal entries. */
export function agreement(a: Values, b: Values): number {
  if (a.length !== b.length) throw new CalibrationError(`${a.length} predictions cannot be compared with ${b.length}`);
  let equal = 0;
  for (let i = 0; i < a.length; i++) if (a[i] === b[i]) equal++;
  return a.length === 0 ? 1 : equal / a.length;
}

export function top1(values: Values, classes: number, labels: Values): number {
  return agreement(predictions(values, classes), labels);
}

export function meanSquaredError(expected: Values, actual: Values): number {
  let sum = 0;
  for (let i = 0; i < expected.length; i++) sum += (expected[i]! - actual[i]!) ** 2;
  return sum / Math.max(1, expected.length);
}

/** 10·log10(Σ expected² / Σ (expected − actual)²); Infinity where they are equal. */
export function sqnrDb(expected: Values, actual: Values): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < expected.length; i++) {
    signal += expected[i]! ** 2;
    noise += (expected[i]! - actual[i]!) ** 2;
  }
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

/**
 * Mean intersection over union of masks of class numbers: per sample the mean over the classes present in either mask,
 * without class 0 (the background) where there are two classes; then the mean over the samples.
 */
export function meanIou(predicted: Values, labels: Values, samples: number, classes: number): number {
  const size = labels.length / samples;
  const from = classes === 2 ? 1 : 0;
  let sum = 0;
  for (let sample = 0; sample < samples; sample++) {
    const present: number[] = [];
    for (let c = from; c < classes; c++) {
      const iou = intersectionOverUnion(predicted, labels, c, sample * size, (sample + 1) * size);
      if (iou !== null) present.push(iou);
    }
    sum += present.length === 0 ? 1 : present.reduce((a, b) => a + b, 0) / present.length;
  }
  return sum / samples;
}

function intersectionOverUnion(a: Values, b: Values, value: number, from: number, to: number): number | null {
  let both = 0;
  let either = 0;
  for (let i = from; i < to; i++) {
    const [inA, inB] = [a[i] === value, b[i] === value];
    if (inA && inB) both++;
    if (inA || inB) either++;
  }
  return either === 0 ? null : both / either;
}

/**
 * Real output values (`count` samples of `shape`, channels last) against labels. A mask with one channel is a
 * probability, cut at 0.5. Throws CalibrationError where the labels do not fit.
 */
export function score(metric: Metric, values: Values, shape: readonly number[], count: number, labels: Labels): number {
  const last = shape.at(-1) ?? 1;
  const channels = metric === 'top1' && last === 1 ? elementCount(shape) : last;
  const needed = metric === 'top1' || (metric === 'miou' && channels > 1) ? values.length / channels : values.length;
  if (labels.data.length < needed || labels.data.length % needed !== 0 || (labels.shape[0] ?? 1) < count) {
    throw new CalibrationError(`labels of shape [${labels.shape.join(', ')}] do not fit ${count} outputs of [${shape.join(', ')}] under the metric ${metric}`);
  }
  const wanted = labels.data.subarray(0, needed);
  if (metric === 'mse') return meanSquaredError(wanted, values);
  if (metric === 'sqnrDb') return sqnrDb(wanted, values);
  if (metric === 'top1') return top1(values, channels, wanted);
  const mask = channels > 1 ? predictions(values, channels) : Int32Array.from(values, (v) => (v > 0.5 ? 1 : 0));
  return meanIou(mask, wanted, count, Math.max(2, channels));
}
