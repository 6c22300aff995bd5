/** Pools, reductions, padding, resizing. */
import { unsupported } from '../../import-context.js';
import { validOrSame } from '../../window.js';
import type { Importer, OperatorCall } from '../call.js';
import { OPTION, SAME } from '../schema.js';
import { image } from './linear.js';

/** Padding never counts in an average of TensorFlow Lite. */
function pool(op: 'max-pool2d' | 'average-pool2d'): Importer {
  return (call) => {
    const x = image(call, call.input(0));
    const kernel = [call.int(OPTION.pool.filterHeight, 1), call.int(OPTION.pool.filterWidth, 1)];
    const { strides, pad } = validOrSame(call.byte(OPTION.pool.padding) === SAME, {
      input: call.context.shapeOf(x).slice(0, 2),
      kernel,
      strides: [call.int(OPTION.pool.strideHeight, 1), call.int(OPTION.pool.strideWidth, 1)],
      dilations: [1, 1],
    });
    const activation = call.activationAttribute(OPTION.pool.activation);
    const attributes = { kernel, strides, pad, activation, ...(op === 'average-pool2d' && { countIncludePad: false }) };
    call.define(call.emitLast(op, [x], attributes), 0);
  };
}

/** Reducing the batch axis, which has one element, only removes it. */
function reduce(name: 'mean' | 'sum' | 'max'): Importer {
  return (call) => {
    const value = call.input(0);
    const keepDims = call.bool(OPTION.reducer.keepDims);
    const axes = [...new Set(call.integers(1, 'axes').map((a) => call.context.axis(value, a, call.origin)))].sort((a, b) => a - b);
    const { batchAxis } = value;
    const inner = axes.filter((a) => a !== batchAxis).map((a) => call.context.sampleAxis(a, batchAxis));
    const tensor = call.context.tensor(value, call.origin);
    const result = inner.length === 0 ? tensor : call.emitLast('reduce', [tensor], { function: name, axes: inner, keepDims });
    const before = axes.filter((a) => batchAxis !== null && a < batchAxis).length;
    const left = batchAxis !== null && axes.includes(batchAxis) && !keepDims ? null : batchAxis;
    call.define(result, left === null || keepDims ? left : left - before);
  };
}

/** Pairs [before, after], the batch axis left out. */
function amounts(call: OperatorCall): readonly (readonly [number, number])[] {
  const value = call.input(0);
  const flat = call.integers(1, 'paddings');
  if (flat.length !== 2 * value.shape.length) call.fail(`has ${flat.length} paddings for ${value.shape.length} axes`);
  const pairs = value.shape.map((_, axis): [number, number] => [flat[2 * axis]!, flat[2 * axis + 1]!]);
  const { batchAxis } = value;
  if (batchAxis !== null && pairs[batchAxis]!.some((n) => n !== 0)) unsupported('padding of the batch axis', 'padding of the other axes');
  return pairs.filter((_, axis) => axis !== batchAxis);
}

const pad: Importer = (call) => {
  const value = call.input(0);
  const padding = call.optional(2) === null ? 0 : Number(call.constant(2, 'pad values').data[0]);
  const attributes = { amounts: amounts(call), mode: 'constant', value: padding };
  call.define(call.emitLast('pad', [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
};

/** SYMMETRIC repeats the edge element; for one element that is the edge mode. */
const mirrorPad: Importer = (call) => {
  const value = call.input(0);
  const pairs = amounts(call);
  const symmetric = call.byte(OPTION.mirrorPad.mode) === 1;
  if (symmetric && pairs.some((pair) => pair.some((n) => n > 1))) unsupported('SYMMETRIC padding by more than one element', 'REFLECT');
  const attributes = { amounts: pairs, mode: symmetric ? 'edge' : 'reflect', value: 0 };
  call.define(call.emitLast('pad', [call.context.tensor(value, call.origin)], attributes), value.batchAxis);
};

function resize(mode: 'nearest' | 'linear', option: typeof OPTION.resizeNearest | typeof OPTION.resizeBilinear): Importer {
  return (call) => {
    const x = image(call, call.input(0));
    const alignCorners = call.bool(option.alignCorners);
    const halfPixel = call.bool(option.halfPixelCenters);
    const coordinates = alignCorners ? 'align-corners' : halfPixel ? 'half-pixel' : 'asymmetric';
    // Nearest: round half up for aligned corners, and floor((o + 0.5)·scale) = half-up rounding of the half-pixel coordinate.
    const nearestMode = alignCorners || halfPixel ? 'round-prefer-ceil' : 'floor';
    const attributes = { mode, sizes: call.integers(1, 'sizes'), coordinates, nearestMode };
    call.define(call.emitLast('resize', [x], attributes), 0);
  };
}

export const spatialImporters: Readonly<Record<string, Importer>> = {
  AVERAGE_POOL_2D: pool('average-pool2d'),
  MAX_POOL_2D: pool('max-pool2d'),
  MEAN: reduce('mean'),
  SUM: reduce('sum'),
  REDUCE_MAX: reduce('max'),
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: mirrorPad,
  RESIZE_NEAREST_NEIGHBOR: resize('nearest', OPTION.resizeNearest),
  RESIZE_BILINEAR: resize('linear', OPTION.resizeBilinear),
};
