import { unsupported } from '../../import-context.js';
import { shapeOf } from '../../tensorflow/fold.js';
import { concat, expandDims, gather, pack, reshape, slice, split, squeeze, stridedSlice, transpose, unpack } from '../../tensorflow/layout.js';
import type { Importer, OperatorCall } from '../call.js';
import { OPTION } from '../schema.js';

const stridedSliceImporter: Importer = (call) =>
  stridedSlice(call, {
    begin: call.integers(1, 'starts'),
    end: call.integers(2, 'ends'),
    strides: call.integers(3, 'strides'),
    beginMask: call.int(OPTION.stridedSlice.beginMask),
    endMask: call.int(OPTION.stridedSlice.endMask),
    ellipsisMask: call.int(OPTION.stridedSlice.ellipsisMask),
    newAxisMask: call.int(OPTION.stridedSlice.newAxisMask),
    shrinkAxisMask: call.int(OPTION.stridedSlice.shrinkAxisMask),
    offset: call.bool(OPTION.stridedSlice.offset),
  });

const concatenation: Importer = (call) => {
  if (call.activation(OPTION.concatenation.activation)) unsupported('an activation fused into a concatenation', 'the activation as an operator of its own');
  concat(call, allInputs(call), call.int(OPTION.concatenation.axis));
};

const gatherImporter: Importer = (call) => {
  if (call.int(OPTION.gather.batchDims) !== 0) unsupported('gathering batch by batch', 'batch_dims = 0');
  gather(call, call.input(0), call.input(1), call.int(OPTION.gather.axis));
};

const equalSplit: Importer = (call) => {
  const value = call.input(1);
  const axis = call.context.axis(value, call.integers(0, 'axes')[0]!, call.origin);
  split(call, value, axis, call.outputs.map(() => value.shape[axis]! / call.outputs.length));
};

function allInputs(call: OperatorCall): ReturnType<OperatorCall['input']>[] {
  return call.inputs.map((_, i) => call.input(i));
}

export const layoutImporters: Readonly<Record<string, Importer>> = {
  // The second input wins over the option, which older converters wrote and newer ones leave empty.
  RESHAPE: (call) => reshape(call, call.optional(1) === null ? call.ints(OPTION.reshape.newShape) : call.integers(1, 'shapes')),
  SQUEEZE: (call) => squeeze(call, call.ints(OPTION.squeeze.axes)),
  EXPAND_DIMS: (call) => expandDims(call, call.integers(1, 'axes')[0]!),
  TRANSPOSE: (call) => transpose(call, call.integers(1, 'permutations')),
  CONCATENATION: concatenation,
  PACK: (call) => pack(call, allInputs(call), call.int(OPTION.pack.axis)),
  UNPACK: (call) => unpack(call, call.int(OPTION.unpack.axis)),
  SPLIT: equalSplit,
  SPLIT_V: (call) => split(call, call.input(0), call.integers(2, 'axes')[0]!, call.integers(1, 'sizes')),
  SLICE: (call) => slice(call, call.integers(1, 'starts'), call.integers(2, 'sizes')),
  STRIDED_SLICE: stridedSliceImporter,
  GATHER: gatherImporter,
  SHAPE: shapeOf,
};
