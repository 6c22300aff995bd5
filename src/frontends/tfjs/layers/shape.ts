/** Pools, layers that join or move values, and those that do nothing at inference. */
import type { TensorId } from '../../../graph/float.js';
import { unsupported } from '../../import-context.js';
import { validOrSame } from '../../tensorflow/window.js';
import type { LayerCall, LayerImporter } from './call.js';

type Pool = 'max-pool2d' | 'average-pool2d';

function emitPool(layer: LayerCall, op: Pool, x: TensorId, kernel: readonly number[], strides: readonly number[], pad: readonly number[]): TensorId {
  return layer.emit(op, [x], { kernel, strides, pad, activation: null, ...(op === 'average-pool2d' && { countIncludePad: false }) });
}

/** An input [L, C] is an image of one row. */
function asImage(layer: LayerCall, axes: 1 | 2): TensorId {
  layer.requireRank(axes + 1);
  layer.requireChannelsLast();
  return axes === 2 ? layer.x : layer.reshape(layer.x, [1, ...layer.shape()]);
}

function pool(op: Pool, axes: 1 | 2): LayerImporter {
  return (layer) => {
    const x = asImage(layer, axes);
    const sizes = layer.config.repeated('pool_size', axes, 2);
    const steps = layer.config.has('strides') ? layer.config.repeated('strides', axes) : sizes;
    const [kernel, strides] = axes === 2 ? [sizes, steps] : [[1, ...sizes], [1, ...steps]];
    const same = layer.config.text('padding', 'valid') === 'same';
    const { pad } = validOrSame(same, { input: layer.shape(x).slice(0, 2), kernel, strides, dilations: [1, 1] });
    const result = emitPool(layer, op, x, kernel, strides, pad);
    return axes === 2 ? result : layer.reshape(result, layer.shape(result).slice(1));
  };
}

function globalPool(op: Pool, axes: 1 | 2): LayerImporter {
  return (layer) => {
    const x = asImage(layer, axes);
    const [height, width, channels] = layer.shape(x) as [number, number, number];
    const result = emitPool(layer, op, x, [height, width], [1, 1], [0, 0, 0, 0]);
    return layer.config.bool('keepdims', false) ? (axes === 2 ? result : layer.reshape(result, [1, channels])) : layer.reshape(result, [channels]);
  };
}

/** More than two inputs are taken one after the other. */
function combine(op: 'add' | 'sub' | 'mul'): LayerImporter {
  return (layer) => {
    if (layer.inputs.length < 2) layer.fail('needs two inputs');
    return layer.inputs.slice(1).reduce((sum, next) => layer.emit(op, [sum, next], { activation: null }), layer.x);
  };
}

const average: LayerImporter = (layer) => {
  const sum = combine('add')(layer);
  const factor = layer.put('factor', { shape: [], data: Float32Array.of(1 / layer.inputs.length) });
  return layer.emit('mul', [sum, factor], { activation: null });
};

/** One axis may be open: −1, or null as TensorFlow.js writes it. */
const reshape: LayerImporter = (layer) => {
  const wanted = layer.config.list('target_shape').map((d) => (d === null ? -1 : Number(d)));
  if (!wanted.every(Number.isInteger)) layer.config.fail('target_shape', 'a list of integers');
  const total = layer.shape().reduce((a, b) => a * b, 1);
  const known = wanted.filter((d) => d !== -1).reduce((a, b) => a * b, 1);
  return layer.reshape(layer.x, wanted.map((d) => (d === -1 ? total / known : d)));
};

/** `dims` counts axes from 1. */
const permute: LayerImporter = (layer) => layer.context.transpose(layer.x, layer.config.integers('dims').map((d) => d - 1), layer.origin);

/** `padding` or `cropping`: a number, one number an axis, or a pair an axis. */
function pairs(layer: LayerCall, key: string, axes: number): readonly (readonly [number, number])[] {
  const value = layer.config.raw(key) ?? 1;
  const list = Array.isArray(value) ? value : Array<unknown>(axes).fill(value);
  // ZeroPadding1D states its single pair without the outer list.
  const entries: readonly unknown[] = axes === 1 && list.length === 2 ? [list] : list;
  const result = entries.map((e) => (Array.isArray(e) ? e : [e, e]));
  if (result.length !== axes || !result.flat().every((n) => Number.isInteger(n) && n >= 0)) layer.fail(`${key} is ${JSON.stringify(value)}`);
  return result as unknown as readonly (readonly [number, number])[];
}

function zeroPadding(axes: 1 | 2): LayerImporter {
  return (layer) => {
    layer.requireRank(axes + 1);
    layer.requireChannelsLast();
    return layer.emit('pad', [layer.x], { amounts: [...pairs(layer, 'padding', axes), [0, 0]], mode: 'constant', value: 0 });
  };
}

const cropping2d: LayerImporter = (layer) => {
  layer.requireRank(3);
  layer.requireChannelsLast();
  const cuts = [...pairs(layer, 'cropping', 2), [0, 0] as const];
  const sizes = layer.shape().map((d, i) => d - cuts[i]![0] - cuts[i]![1]);
  return layer.emit('slice', [layer.x], { starts: cuts.map((c) => c[0]), sizes, steps: [1, 1, 1] });
};

const upSampling2d: LayerImporter = (layer) => {
  layer.requireRank(3);
  layer.requireChannelsLast();
  const mode = layer.config.text('interpolation', 'nearest');
  if (mode !== 'nearest' && mode !== 'bilinear') unsupported(`interpolation '${mode}'`, 'nearest or bilinear');
  const factors = layer.config.repeated('size', 2, 2);
  const sizes = [0, 1].map((axis) => layer.shape()[axis]! * factors[axis]!);
  return layer.emit('resize', [layer.x], { mode: mode === 'nearest' ? 'nearest' : 'linear', sizes, coordinates: 'asymmetric', nearestMode: 'floor' });
};

const rescaling: LayerImporter = (layer) => {
  const scalar = (key: string, absent: number): TensorId => layer.put(key, { shape: [], data: Float32Array.of(layer.config.number(key, absent)) });
  const scaled = layer.emit('mul', [layer.x, scalar('scale', 1)], { activation: null });
  return layer.config.number('offset', 0) === 0 ? scaled : layer.emit('add', [scaled, scalar('offset', 0)], { activation: null });
};

const embedding: LayerImporter = (layer) => {
  if (layer.context.builder.tensor(layer.x).type !== 'int32') unsupported('an embedding of float indices', "an input of dtype 'int32'");
  return layer.emit('gather', [layer.put('embeddings', layer.weight('embeddings', 2)), layer.x], { axis: 0 });
};

const nothing: LayerImporter = (layer) => layer.x;

export const shapeLayers: Readonly<Record<string, LayerImporter>> = {
  MaxPooling1D: pool('max-pool2d', 1),
  MaxPooling2D: pool('max-pool2d', 2),
  AveragePooling1D: pool('average-pool2d', 1),
  AveragePooling2D: pool('average-pool2d', 2),
  GlobalMaxPooling1D: globalPool('max-pool2d', 1),
  GlobalMaxPooling2D: globalPool('max-pool2d', 2),
  GlobalAveragePooling1D: globalPool('average-pool2d', 1),
  GlobalAveragePooling2D: globalPool('average-pool2d', 2),
  Add: combine('add'),
  Subtract: combine('sub'),
  Multiply: combine('mul'),
  Average: average,
  Concatenate: (layer) => layer.emit('concat', layer.inputs, { axis: layer.axis(layer.config.number('axis', -1)) }),
  Flatten: (layer) => layer.reshape(layer.x, [layer.shape().reduce((a, b) => a * b, 1)]),
  Reshape: reshape,
  Permute: permute,
  ZeroPadding1D: zeroPadding(1),
  ZeroPadding2D: zeroPadding(2),
  Cropping2D: cropping2d,
  UpSampling2D: upSampling2d,
  Rescaling: rescaling,
  Embedding: embedding,
  Dropout: nothing,
  SpatialDropout1D: nothing,
  SpatialDropout2D: nothing,
  AlphaDropout: nothing,
  GaussianDropout: nothing,
  GaussianNoise: nothing,
  ActivityRegularization: nothing,
};
