/** Layers with weights: convolutions, dense, the two normalizations. */
import type { TensorId } from '../../../graph/float.js';
import { batchNormConstants } from '../../batch-norm.js';
import { permuteConstant, reshapeConstant, type ConstantArray } from '../../constant-array.js';
import { unsupported } from '../../import-context.js';
import { cutOff, validOrSame } from '../../tensorflow/window.js';
import { withActivation } from './activations.js';
import type { LayerCall, LayerImporter } from './call.js';

interface Convolution {
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pad: readonly number[];
}

/** Window attributes for an input [H, W, C]; `same` and `valid` only. */
function window(layer: LayerCall, input: readonly number[], kernel: readonly number[], strides: readonly number[], dilations: readonly number[]): Convolution {
  const padding = layer.config.text('padding', 'valid');
  if (padding !== 'same' && padding !== 'valid') unsupported(`padding '${padding}'`, 'same or valid');
  return validOrSame(padding === 'same', { input: input.slice(0, 2), kernel, strides, dilations });
}

function emitConvolution(layer: LayerCall, x: TensorId, weights: ConstantArray, bias: readonly TensorId[], convolution: Convolution): TensorId {
  const groups = layer.shape(x)[2]! / weights.shape[3]!;
  if (!Number.isInteger(groups)) layer.fail(`has filters of ${weights.shape[3]} channels for an input of ${layer.shape(x)[2]}`);
  return layer.emit('conv2d', [x, layer.put('kernel', weights), ...bias], { ...convolution, groups, activation: null });
}

/** Kernel [kh, kw, C/groups, O] → [O, kh, kw, C/groups]. */
const conv2d: LayerImporter = (layer) => {
  layer.requireRank(3);
  layer.requireChannelsLast();
  const kernel = permuteConstant(layer.weight('kernel', 4), [3, 0, 1, 2]);
  const convolution = window(layer, layer.shape(), kernel.shape.slice(1, 3), layer.config.repeated('strides', 2, 1), layer.config.repeated('dilation_rate', 2, 1));
  return withActivation(layer, emitConvolution(layer, layer.x, kernel, layer.bias(), convolution));
};

/** Kernel [k, C, O]. The line is an image of one row; `causal` pads only in front. */
const conv1d: LayerImporter = (layer) => {
  layer.requireRank(2);
  layer.requireChannelsLast();
  const kernel = permuteConstant(layer.weight('kernel', 3), [2, 0, 1]);
  const [outputs, taps, depth] = kernel.shape as [number, number, number];
  const [length, channels] = layer.shape() as [number, number];
  const strides = [1, layer.config.repeated('strides', 1, 1)[0]!];
  const dilations = [1, layer.config.repeated('dilation_rate', 1, 1)[0]!];
  const causal = layer.config.text('padding', 'valid') === 'causal';
  const convolution = causal
    ? { strides, dilations, pad: [0, 0, (taps - 1) * dilations[1]!, 0] }
    : window(layer, [1, length, channels], [1, taps], strides, dilations);
  const row = layer.reshape(layer.x, [1, length, channels]);
  const result = emitConvolution(layer, row, reshapeConstant(kernel, [outputs, 1, taps, depth]), layer.bias(), convolution);
  return withActivation(layer, layer.reshape(result, layer.shape(result).slice(1)));
};

/** Kernel [kh, kw, C, m]; one input channel makes it an ordinary convolution. */
function emitDepthwise(layer: LayerCall, weightName: string, bias: readonly TensorId[]): TensorId {
  layer.requireRank(3);
  layer.requireChannelsLast();
  const kernel = layer.weight(weightName, 4);
  const convolution = window(layer, layer.shape(), kernel.shape.slice(0, 2), layer.config.repeated('strides', 2, 1), layer.config.repeated('dilation_rate', 2, 1));
  if (layer.shape()[2] === 1 && kernel.shape[3] !== 1) return emitConvolution(layer, layer.x, permuteConstant(kernel, [3, 0, 1, 2]), bias, convolution);
  return layer.emit('depthwise-conv2d', [layer.x, layer.put(weightName, kernel), ...bias], { ...convolution, activation: null });
}

const depthwiseConv2d: LayerImporter = (layer) => withActivation(layer, emitDepthwise(layer, layer.optionalWeight('depthwise_kernel') ? 'depthwise_kernel' : 'kernel', layer.bias()));

const separableConv2d: LayerImporter = (layer) => {
  const depthwise = emitDepthwise(layer, 'depthwise_kernel', []);
  const pointwise = permuteConstant(layer.weight('pointwise_kernel', 4), [3, 0, 1, 2]);
  const one = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0] };
  return withActivation(layer, emitConvolution(layer, depthwise, pointwise, layer.bias(), one));
};

/** Kernel [kh, kw, O, C]. `same` gives input·stride outputs, `valid` the full output. */
const conv2dTranspose: LayerImporter = (layer) => {
  layer.requireRank(3);
  layer.requireChannelsLast();
  const kernel = permuteConstant(layer.weight('kernel', 4), [2, 0, 1, 3]);
  const padding = layer.config.text('padding', 'valid');
  if (layer.config.has('output_padding')) unsupported('output_padding', 'padding same or valid without it');
  if (layer.config.repeated('dilation_rate', 2, 1).some((d) => d !== 1)) unsupported('dilation of a transposed convolution', 'dilation 1');
  const strides = layer.config.repeated('strides', 2, 1);
  const axes = [0, 1].map((axis) => {
    const [input, taps, stride] = [layer.shape()[axis]!, kernel.shape[axis + 1]!, strides[axis]!];
    const output = padding === 'same' ? input * stride : input * stride + Math.max(taps - stride, 0);
    return cutOff(input, taps, stride, output, padding === 'same');
  });
  const result = layer.emit('conv2d-transpose', [layer.x, layer.put('kernel', kernel), ...layer.bias()], {
    strides,
    dilations: [1, 1],
    pad: axes.flatMap((a) => [a.before, a.after]),
    outputPadding: axes.map((a) => a.extra),
    activation: null,
  });
  return withActivation(layer, result);
};

/** Kernel [K, O]. */
const dense: LayerImporter = (layer) => {
  const kernel = permuteConstant(layer.weight('kernel', 2), [1, 0]);
  return withActivation(layer, layer.emit('dense', [layer.x, layer.put('kernel', kernel), ...layer.bias()], { activation: null }));
};

/** The axes field may be a number or a list. */
function axes(layer: LayerCall): readonly number[] {
  const stated = layer.config.raw('axis');
  return (Array.isArray(stated) ? layer.config.integers('axis') : [layer.config.number('axis', -1)]).map((a) => layer.axis(a)).sort((a, b) => a - b);
}

/** (x − mean)/√(variance + ε)·gamma + beta as one scale and one shift a channel. */
const batchNormalization: LayerImporter = (layer) => {
  const last = layer.shape().length - 1;
  if (axes(layer).join() !== String(last)) unsupported('batch normalization over another axis than the last', 'axis -1');
  const mean = layer.weight('moving_mean', 1).data;
  const variance = layer.weight('moving_variance', 1).data;
  const gamma = layer.optionalWeight('gamma')?.data;
  const beta = layer.optionalWeight('beta')?.data;
  const epsilon = layer.config.number('epsilon', 1e-3);
  const { scale, shift } = batchNormConstants({ mean, variance, gamma, beta, epsilon });
  return layer.emit('batch-norm', [layer.x, layer.put('scale', scale), layer.put('shift', shift)], {});
};

const layerNormalization: LayerImporter = (layer) => {
  const rank = layer.shape().length;
  const over = axes(layer);
  if (over.some((a, i) => a !== rank - over.length + i)) unsupported('layer normalization over other axes than the last ones', 'axis -1');
  const shape = layer.shape().slice(over[0]);
  const count = shape.reduce((a, b) => a * b, 1);
  const gamma = layer.optionalWeight('gamma') ?? { shape, data: new Float32Array(count).fill(1) };
  const beta = layer.optionalWeight('beta') ?? { shape, data: new Float32Array(count) };
  return layer.emit('layer-norm', [layer.x, layer.put('gamma', gamma), layer.put('beta', beta)], { axis: over[0]!, epsilon: layer.config.number('epsilon', 1e-3) });
};

export const linearLayers: Readonly<Record<string, LayerImporter>> = {
  Conv1D: conv1d,
  Conv2D: conv2d,
  DepthwiseConv2D: depthwiseConv2d,
  SeparableConv2D: separableConv2d,
  Conv2DTranspose: conv2dTranspose,
  Dense: dense,
  BatchNormalization: batchNormalization,
  LayerNormalization: layerNormalization,
};
