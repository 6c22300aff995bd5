import { mirrorPad, pad, pool, reduce, resize } from '../../tensorflow/spatial.js';
import type { Importer } from '../call.js';
import { OPTION, SAME } from '../schema.js';

function poolImporter(op: 'max-pool2d' | 'average-pool2d'): Importer {
  return (call) =>
    pool(call, op, {
      kernel: [call.int(OPTION.pool.filterHeight, 1), call.int(OPTION.pool.filterWidth, 1)],
      strides: [call.int(OPTION.pool.strideHeight, 1), call.int(OPTION.pool.strideWidth, 1)],
      same: call.byte(OPTION.pool.padding) === SAME,
      activation: call.activation(OPTION.pool.activation),
    });
}

function reduceImporter(name: 'mean' | 'sum' | 'max'): Importer {
  return (call) => reduce(call, name, call.integers(1, 'axes'), call.bool(OPTION.reducer.keepDims));
}

export const spatialImporters: Readonly<Record<string, Importer>> = {
  AVERAGE_POOL_2D: poolImporter('average-pool2d'),
  MAX_POOL_2D: poolImporter('max-pool2d'),
  MEAN: reduceImporter('mean'),
  SUM: reduceImporter('sum'),
  REDUCE_MAX: reduceImporter('max'),
  PAD: pad,
  PADV2: pad,
  MIRROR_PAD: (call) => mirrorPad(call, call.byte(OPTION.mirrorPad.mode) === 1),
  RESIZE_NEAREST_NEIGHBOR: (call) => resize(call, 'nearest', call.bool(OPTION.resizeNearest.alignCorners), call.bool(OPTION.resizeNearest.halfPixelCenters)),
  RESIZE_BILINEAR: (call) => resize(call, 'linear', call.bool(OPTION.resizeBilinear.alignCorners), call.bool(OPTION.resizeBilinear.halfPixelCenters)),
};
