/** Kernel windows of convolutions and pools: strides, dilations, padding. Spatial axes as two, [1, length] for one. */
import { unsupported } from '../../import-context.js';
import type { OnnxCall } from '../call.js';

export interface Window {
  readonly spatial: 1 | 2;
  readonly kernel: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly dilations: readonly [number, number];
  /** Before and after each axis. */
  readonly before: readonly [number, number];
  readonly after: readonly [number, number];
}

/** [top, bottom, left, right]. */
export function padOf(window: Pick<Window, 'before' | 'after'>): readonly [number, number, number, number] {
  return [window.before[0], window.after[0], window.before[1], window.after[1]];
}

/** One spatial axis becomes [1, length]; `neutral` is the entry of the axis of length 1. */
export function asImage(values: readonly number[], neutral: number): readonly [number, number] {
  return values.length === 1 ? [neutral, values[0]!] : [values[0]!, values[1]!];
}

/** `inputSize` and `kernel` have one entry a spatial axis. */
export function readWindow(call: OnnxCall, inputSize: readonly number[], kernel: readonly number[]): Window {
  const spatial = inputSize.length;
  if (spatial !== 1 && spatial !== 2) unsupported(`${spatial} spatial axes`, '1 or 2 spatial axes');
  if (kernel.length !== spatial) call.fail(`has a kernel of ${kernel.length} axes for ${spatial} spatial axes`);
  const strides = call.ints('strides') ?? kernel.map(() => 1);
  const dilations = call.ints('dilations') ?? kernel.map(() => 1);
  const pads = readPads(call, inputSize, kernel, strides, dilations);
  return {
    spatial,
    kernel: asImage(kernel, 1),
    strides: asImage(strides, 1),
    dilations: asImage(dilations, 1),
    before: asImage(pads.before, 0),
    after: asImage(pads.after, 0),
  };
}

function readPads(call: OnnxCall, inputSize: readonly number[], kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): { before: number[]; after: number[] } {
  const rank = kernel.length;
  const automatic = call.text('auto_pad', 'NOTSET');
  if (automatic === 'SAME_UPPER' || automatic === 'SAME_LOWER') {
    const totals = inputSize.map((length, i) => Math.max(0, (Math.ceil(length / strides[i]) - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1 - length));
    const less = totals.map((t) => Math.floor(t / 2));
    const more = totals.map((t) => Math.ceil(t / 2));
    return automatic === 'SAME_UPPER' ? { before: less, after: more } : { before: more, after: less };
  }
  const pads = automatic === 'VALID' ? null : call.ints('pads');
  if (pads && (pads.length !== 2 * rank || pads.some((p) => p < 0))) call.fail(`has pads [${pads.join(', ')}] for ${rank} spatial axes`);
  const all = pads ?? new Array<number>(2 * rank).fill(0);
  return { before: all.slice(0, rank), after: all.slice(rank) };
}
