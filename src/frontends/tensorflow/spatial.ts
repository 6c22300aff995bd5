/** TensorFlow's pools, reductions, padding and resizing, and what transposed convolutions cut off. */
import type { TensorId } from '../../graph/float.js';
import { unsupported, type SourceValue } from '../import-context.js';
import type { ActivationAttribute, TensorflowCall } from './call.js';
import { validOrSame } from './window.js';

/** [H, W, C] of an input [1, H, W, C]. */
export function image(call: TensorflowCall, value: SourceValue): TensorId {
  if (value.shape.length !== 4) call.fail(`needs an input [batch, height, width, channels], it has [${value.shape.join(', ')}]`);
  return call.context.perSample(value, 0, call.origin);
}

/** Padding never counts in an average of TensorFlow. */
export function pool(call: TensorflowCall, op: 'max-pool2d' | 'average-pool2d', window: { readonly kernel: readonly number[]; readonly strides: readonly number[]; readonly same: boolean; readonly activation: ActivationAttribute }): void {
  const x = image(call, call.input(0));
  const { kernel, strides, activation } = window;
  const { pad } = validOrSame(window.same, { input: call.context.shapeOf(x).slice(0, 2), kernel, strides, dilations: [1, 1] });
  call.define(call.emitLast(op, [x], { kernel, strides, pad, activation, ...(op === 'average-pool2d' && { countIncludePad: false }) }), 0);
}

/** Reducing the batch axis, which has one element, only removes it. */
export function reduce(call: TensorflowCall, name: 'mean' | 'sum' | 'max', stated: readonly number[], keepDims: boolean): void {
  const value = call.input(0);
  const { batchAxis } = value;
  const axes = [...new Set(stated.map((a) => call.context.axis(value, a, call.origin)))].sort((a, b) => a - b);
  const inner = axes.filter((a) => a !== batchAxis).map((a) => call.context.sampleAxis(a, batchAxis));
  const tensor = call.context.tensor(value, call.origin);
  const result = inner.length === 0 ? tensor : call.emitLast('reduce', [tensor], { function: name, axes: inner, keepDims });
  call.define(result, batchAxisAfter(batchAxis, axes, keepDims));
}

function batchAxisAfter(batchAxis: number | null, axes: readonly number[], keepDims: boolean): number | null {
  if (batchAxis === null || keepDims) return batchAxis;
  return axes.includes(batchAxis) ? null : batchAxis - axes.filter((a) => a < batchAxis).length;
}

/** Pairs [before, after] from a [rank, 2] constant, the batch axis left out. */
function amounts(call: TensorflowCall): readonly (readonly [number, number])[] {
  const value = call.input(0);
  const flat = call.integers(1, 'paddings');
  if (flat.length !== 2 * value.shape.length) call.fail(`has ${flat.length} paddings for ${value.shape.length} axes`);
  const pairs = value.shape.map((_, axis): [number, number] => [flat[2 * axis]!, flat[2 * axis + 1]!]);
  const { batchAxis } = value;
  if (batchAxis !== null && pairs[batchAxis]!.some((n) => n !== 0)) unsupported('padding of the batch axis', 'padding of the other axes');
  return pairs.filter((_, axis) => axis !== batchAxis);
}

/** Inputs: x, paddings, value (optional). */
export function pad(call: TensorflowCall): void {
  const value = call.input(0);
  const padding = call.optional(2) === null ? 0 : Number(call.constant(2, 'pad values').data[0]);
  call.define(call.emitLast('pad', [call.context.tensor(value, call.origin)], { amounts: amounts(call), mode: 'constant', value: padding }), value.batchAxis);
}

/** Symmetric padding repeats the edge element; for one element that is the edge mode. */
export function mirrorPad(call: TensorflowCall, symmetric: boolean): void {
  const value = call.input(0);
  const pairs = amounts(call);
  if (symmetric && pairs.some((pair) => pair.some((n) => n > 1))) unsupported('SYMMETRIC padding by more than one element', 'REFLECT');
  const attributes = { amounts: pairs, mode: symmetric ? 'edge' : 'reflect', value: 0 };
  call.define(call.emitLast('pad', [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
}

/** Inputs: x, sizes. */
export function resize(call: TensorflowCall, mode: 'nearest' | 'linear', alignCorners: boolean, halfPixel: boolean): void {
  const x = image(call, call.input(0));
  const coordinates = alignCorners ? 'align-corners' : halfPixel ? 'half-pixel' : 'asymmetric';
  // Nearest: round half up for aligned corners, and floor((o + 0.5)·scale) = half-up rounding of the half-pixel coordinate.
  const nearestMode = alignCorners || halfPixel ? 'round-prefer-ceil' : 'floor';
  call.define(call.emitLast('resize', [x], { mode, sizes: call.integers(1, 'sizes'), coordinates, nearestMode }), 0);
}
