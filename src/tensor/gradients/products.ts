/**
 * Gradients of convolutions and matrix products as forward convolutions and products with explicit transposes. The
 * WebAssembly backend has no kernels for the filter gradients, and its transpose flags bypass the fast path; these work
 * on every backend, through TensorFlow.js' automatic differentiation.
 */
import * as tf from '@tensorflow/tfjs-core';
import { summedTo } from './broadcast.js';

type Pair = readonly [number, number];

interface Window {
  readonly strides: Pair;
  readonly dilations: Pair;
  /** Rows above, columns to the left. */
  readonly before: Pair;
  /** Rows below, columns to the right. */
  readonly after: Pair;
}

/** Gradients of Conv2D, DepthwiseConv2dNative and BatchMatMul. */
export function registerProductGradients(): void {
  tf.registerGradient({ kernelName: 'Conv2D', inputsToSave: ['x', 'filter'], gradFunc: (dy, saved, attrs) => convolutionGradients(dy as tf.Tensor4D, saved as tf.Tensor4D[], attrs, false) });
  tf.registerGradient({ kernelName: 'DepthwiseConv2dNative', inputsToSave: ['x', 'filter'], gradFunc: (dy, saved, attrs) => convolutionGradients(dy as tf.Tensor4D, saved as tf.Tensor4D[], attrs, true) });
  tf.registerGradient({ kernelName: 'BatchMatMul', inputsToSave: ['a', 'b'], gradFunc: (dy, saved, attrs) => productGradients(dy as tf.Tensor, saved, attrs) });
}

function convolutionGradients(dy: tf.Tensor4D, [x, filter]: tf.Tensor4D[], attributes: tf.NamedAttrMap, depthwise: boolean): Record<string, () => tf.Tensor> {
  const { strides, dilations, pad } = attributes as unknown as { strides: Pair | number; dilations: Pair | number; pad: 'same' | 'valid' | number };
  const { padInfo } = tf.backend_util.computeConv2DInfo(x.shape, filter.shape, strides as [number, number], dilations as [number, number], pad, undefined, depthwise);
  const window = { strides: pair(strides), dilations: pair(dilations), before: [padInfo.top, padInfo.left], after: [padInfo.bottom, padInfo.right] } as const;
  if (depthwise) return { x: () => depthwiseInputGradient(dy, filter, x.shape, window), filter: () => depthwiseFilterGradient(x, dy, filter.shape, window) };
  return { x: () => inputGradient(dy, filter, x.shape, window), filter: () => filterGradient(x, dy, filter.shape, window) };
}

function pair(value: Pair | number): Pair {
  return typeof value === 'number' ? [value, value] : [value[0], value[1]];
}

type Shape4 = readonly [number, number, number, number];

/** ∂x: the gradient with zeros between its pixels, convolved with the turned filters. */
function inputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, shape: Shape4, window: Window): tf.Tensor4D {
  const spread = spreadFor(dy, filter.shape, shape, window);
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]) as tf.Tensor4D;
  return tf.conv2d(spread, turned, 1, 'valid', 'NHWC', [...window.dilations]);
}

/** ∂filter[h,w,c,o] = Σ x[n, i·stride + h·dilation, …, c]·dy[n, i, …, o]: samples are channels, strides become dilations. */
function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, [height, width]: Shape4, window: Window): tf.Tensor4D {
  const images = tf.transpose(padded(x, window.before, window.after), [3, 1, 2, 0]) as tf.Tensor4D;
  const kernels = tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D;
  const all = tf.conv2d(images, kernels, 1, 'valid', 'NHWC', [...window.strides]);
  return tf.transpose(firstEvery(all, height, width, window.dilations), [1, 2, 0, 3]) as tf.Tensor4D;
}

function depthwiseInputGradient(dy: tf.Tensor4D, filter: tf.Tensor4D, shape: Shape4, window: Window): tf.Tensor4D {
  const [height, width, channels, multiplier] = filter.shape;
  const [n, outputHeight, outputWidth] = dy.shape;
  const turned = tf.reverse(filter, [0, 1]);
  const parts = Array.from({ length: multiplier }, (_, j) => {
    const own = multiplier === 1 ? dy : (tf.reshape(tf.slice(tf.reshape(dy, [n, outputHeight, outputWidth, channels, multiplier]), [0, 0, 0, 0, j], [-1, -1, -1, -1, 1]), [n, outputHeight, outputWidth, channels]) as tf.Tensor4D);
    const weights = multiplier === 1 ? turned : tf.slice(turned, [0, 0, 0, j], [height, width, channels, 1]);
    return tf.depthwiseConv2d(spreadFor(own, filter.shape, shape, window), weights as tf.Tensor4D, 1, 'valid', 'NHWC', [...window.dilations]);
  });
  return parts.length === 1 ? parts[0]! : (tf.addN(parts) as tf.Tensor4D);
}

/** Every sample and channel is a channel of its own; then the samples are summed. */
function depthwiseFilterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, [height, width, channels, multiplier]: Shape4, window: Window): tf.Tensor4D {
  const wide = padded(x, window.before, window.after);
  const [n, rows, columns] = wide.shape;
  const [, outputHeight, outputWidth] = dy.shape;
  const images = tf.reshape(tf.transpose(wide, [1, 2, 0, 3]), [1, rows, columns, n * channels]) as tf.Tensor4D;
  const kernels = tf.reshape(tf.transpose(dy, [1, 2, 0, 3]), [outputHeight, outputWidth, n * channels, multiplier]) as tf.Tensor4D;
  const all = tf.depthwiseConv2d(images, kernels, 1, 'valid', 'NHWC', [...window.strides]);
  const taps = tf.reshape(firstEvery(all, height, width, window.dilations), [height, width, n, channels, multiplier]);
  return tf.sum(taps, 2) as tf.Tensor4D;
}

/** dy with zeros between its pixels and around them, so that a convolution without padding gives the input's size. */
function spreadFor(dy: tf.Tensor4D, [height, width]: Shape4, [, rows, columns]: Shape4, { strides, dilations, before }: Window): tf.Tensor4D {
  const spread = withZeros(dy, strides);
  const reach = [(height - 1) * dilations[0], (width - 1) * dilations[1]] as const;
  const top = reach[0] - before[0];
  const left = reach[1] - before[1];
  return padded(spread, [top, left], [rows + reach[0] - spread.shape[1] - top, columns + reach[1] - spread.shape[2] - left]);
}

/** [N,H,W,C] → [N,(H−1)·rows+1,(W−1)·columns+1,C]. */
function withZeros(x: tf.Tensor4D, [rows, columns]: Pair): tf.Tensor4D {
  if (rows === 1 && columns === 1) return x;
  const [n, h, w, c] = x.shape;
  const wide = tf.pad(tf.reshape(x, [n * h * w, 1, c]), [[0, 0], [0, columns - 1], [0, 0]]);
  const tall = tf.pad(tf.reshape(wide, [n * h, 1, w * columns * c]), [[0, 0], [0, rows - 1], [0, 0]]);
  const full = tf.reshape(tall, [n, h * rows, w * columns, c]) as tf.Tensor4D;
  return tf.slice(full, [0, 0, 0, 0], [n, (h - 1) * rows + 1, (w - 1) * columns + 1, c]);
}

/** Zeros around height and width; negative amounts crop. */
function padded(x: tf.Tensor4D, before: Pair, after: Pair): tf.Tensor4D {
  const amounts = [before[0], after[0], before[1], after[1]];
  const [top, bottom, left, right] = amounts.map((a) => Math.max(0, -a)) as [number, number, number, number];
  const [n, h, w, c] = x.shape;
  const kept = top || bottom || left || right ? tf.slice(x, [0, top, left, 0], [n, h - top - bottom, w - left - right, c]) : x;
  const grow = amounts.map((a) => Math.max(0, a)) as [number, number, number, number];
  return grow.every((a) => a === 0) ? kept : (tf.pad(kept, [[0, 0], [grow[0], grow[1]], [grow[2], grow[3]], [0, 0]]) as tf.Tensor4D);
}

/** Every dilation-th row and column, the first `height` and `width` of them. */
function firstEvery(x: tf.Tensor4D, height: number, width: number, [rows, columns]: Pair): tf.Tensor4D {
  if (rows === 1 && columns === 1) return tf.slice(x, [0, 0, 0, 0], [x.shape[0], height, width, x.shape[3]]);
  return tf.stridedSlice(x, [0, 0, 0, 0], [x.shape[0], (height - 1) * rows + 1, (width - 1) * columns + 1, x.shape[3]], [1, rows, columns, 1]) as tf.Tensor4D;
}

function productGradients(dy: tf.Tensor, [a, b]: tf.Tensor[], attributes: tf.NamedAttrMap): Record<string, () => tf.Tensor> {
  const { transposeA, transposeB } = attributes as unknown as { transposeA: boolean; transposeB: boolean };
  const left = () => (transposeA ? swapped(a) : a);
  const right = () => (transposeB ? swapped(b) : b);
  return {
    a: () => summedTo(transposeA ? tf.matMul(right(), swapped(dy)) : tf.matMul(dy, swapped(right())), a.shape),
    b: () => summedTo(transposeB ? tf.matMul(swapped(dy), left()) : tf.matMul(swapped(left()), dy), b.shape),
  };
}

function swapped(x: tf.Tensor): tf.Tensor {
  const order = x.shape.map((_, i) => i);
  const last = order.length - 1;
  return tf.transpose(x, [...order.slice(0, -2), last, last - 1]);
}
