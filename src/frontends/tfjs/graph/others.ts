/** The other operators of GraphModels, each by what TensorFlow's operators mean in both kinds of files. */
import { unsupported, type SourceValue } from '../../import-context.js';
import { binary, bound, cast, clamp, identity, rsqrt, softmax, squaredDifference, unary } from '../../tensorflow/elementwise.js';
import { shapeOf } from '../../tensorflow/fold.js';
import { concat, expandDims, gather, pack, reshape, slice, split, squeeze, stridedSlice, transpose, unpack } from '../../tensorflow/layout.js';
import { mirrorPad, pad, pool, reduce, resize } from '../../tensorflow/spatial.js';
import type { NodeCall, NodeImporter } from './call.js';

function poolNode(op: 'max-pool2d' | 'average-pool2d'): NodeImporter {
  return (call) => {
    call.requireChannelsLast();
    const padding = call.node.text('padding', 'VALID');
    if (padding !== 'SAME' && padding !== 'VALID') unsupported(`padding ${padding}`, 'SAME or VALID');
    pool(call, op, { kernel: call.spatial('ksize'), strides: call.spatial('strides'), same: padding === 'SAME', activation: null });
  };
}

function reduceNode(name: 'mean' | 'sum' | 'max'): NodeImporter {
  return (call) => reduce(call, name, call.integers(1, 'axes'), call.node.bool('keep_dims'));
}

function inputs(call: NodeCall, count: number): SourceValue[] {
  return Array.from({ length: count }, (_, i) => call.input(i));
}

const TYPES: Readonly<Record<string, string>> = { DT_FLOAT: 'float32', DT_INT32: 'int32', DT_INT64: 'int64', DT_BOOL: 'bool' };

const stridedSliceNode: NodeImporter = (call) =>
  stridedSlice(call, {
    begin: call.integers(1, 'starts'),
    end: call.integers(2, 'ends'),
    strides: call.integers(3, 'strides'),
    beginMask: call.node.int('begin_mask', 0),
    endMask: call.node.int('end_mask', 0),
    ellipsisMask: call.node.int('ellipsis_mask', 0),
    newAxisMask: call.node.int('new_axis_mask', 0),
    shrinkAxisMask: call.node.int('shrink_axis_mask', 0),
  });

/** The axis is the last of the inputs. */
const concatNode: NodeImporter = (call) => concat(call, inputs(call, call.inputs.length - 1), call.integers(call.inputs.length - 1, 'axes')[0]!);

const splitNode: NodeImporter = (call) => {
  const value = call.input(1);
  const axis = call.context.axis(value, call.integers(0, 'axes')[0]!, call.origin);
  const count = call.outputNames.length;
  split(call, value, axis, call.outputNames.map(() => value.shape[axis]! / count));
};

const clip: NodeImporter = (call) => clamp(call, Number(call.constant(1, 'bounds').data[0]), Number(call.constant(2, 'bounds').data[0]));

function unaryNode(name: string): NodeImporter {
  return (call) => unary(call, name);
}

export const otherNodes: Readonly<Record<string, NodeImporter>> = {
  Identity: identity,
  StopGradient: identity,
  Snapshot: identity,
  Add: (call) => binary(call, 'add'),
  AddV2: (call) => binary(call, 'add'),
  Sub: (call) => binary(call, 'sub'),
  Mul: (call) => binary(call, 'mul'),
  Div: (call) => binary(call, 'div'),
  RealDiv: (call) => binary(call, 'div'),
  Maximum: (call) => bound(call, 'min'),
  Minimum: (call) => bound(call, 'max'),
  SquaredDifference: squaredDifference,
  Relu: (call) => clamp(call, 0, Infinity),
  Relu6: (call) => clamp(call, 0, 6),
  ClipByValue: clip,
  LeakyRelu: (call) => unary(call, 'leaky-relu', call.node.float('alpha', 0.2)),
  Elu: (call) => unary(call, 'elu', 1),
  Sigmoid: unaryNode('sigmoid'),
  Tanh: unaryNode('tanh'),
  Softplus: unaryNode('softplus'),
  Erf: unaryNode('erf'),
  Exp: unaryNode('exp'),
  Log: unaryNode('log'),
  Sqrt: unaryNode('sqrt'),
  Square: unaryNode('square'),
  Abs: unaryNode('abs'),
  Neg: unaryNode('neg'),
  Reciprocal: unaryNode('reciprocal'),
  Rsqrt: rsqrt,
  Softmax: (call) => softmax(call, 1),
  Cast: (call) => cast(call, TYPES[call.node.type('DstT')] ?? call.node.type('DstT')),
  MaxPool: poolNode('max-pool2d'),
  AvgPool: poolNode('average-pool2d'),
  Mean: reduceNode('mean'),
  Sum: reduceNode('sum'),
  Max: reduceNode('max'),
  Pad: pad,
  PadV2: pad,
  MirrorPad: (call) => mirrorPad(call, call.node.text('mode', 'REFLECT') === 'SYMMETRIC'),
  ResizeBilinear: (call) => resize(call, 'linear', call.node.bool('align_corners'), call.node.bool('half_pixel_centers')),
  ResizeNearestNeighbor: (call) => resize(call, 'nearest', call.node.bool('align_corners'), call.node.bool('half_pixel_centers')),
  Reshape: (call) => reshape(call, call.integers(1, 'shapes')),
  Squeeze: (call) => squeeze(call, call.node.ints('squeeze_dims').length > 0 ? call.node.ints('squeeze_dims') : call.node.ints('axis')),
  ExpandDims: (call) => expandDims(call, call.integers(1, 'axes')[0]!),
  Transpose: (call) => transpose(call, call.integers(1, 'permutations')),
  ConcatV2: concatNode,
  Pack: (call) => pack(call, inputs(call, call.inputs.length), call.node.int('axis', 0)),
  Unpack: (call) => unpack(call, call.node.int('axis', 0)),
  Split: splitNode,
  SplitV: (call) => split(call, call.input(0), call.integers(2, 'axes')[0]!, call.integers(1, 'sizes')),
  Slice: (call) => slice(call, call.integers(1, 'starts'), call.integers(2, 'sizes')),
  StridedSlice: stridedSliceNode,
  GatherV2: (call) => gather(call, call.input(0), call.input(1), call.optional(2) ? call.integers(2, 'axes')[0]! : 0),
  Shape: shapeOf,
};
