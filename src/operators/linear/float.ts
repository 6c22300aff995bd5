/** Float evaluation of convolutions on TensorFlow.js, within what its wasm backend offers. Inputs carry a batch axis. */
import type { FloatNode, FusedActivation } from '../../graph/float.js';
import { tf } from '../../tensor/index.js';
import type { ShapedInput } from '../definition.js';
import { activationAttribute, shapeError, shapeText } from '../attributes.js';
import type { Geometry } from './geometry.js';
import { insertedPadding } from './geometry.js';

/** Checks the number of inputs. */
export function requireInputs(node: FloatNode, inputs: readonly ShapedInput[], least: number, most: number): void {
  if (inputs.length < least || inputs.length > most) {
    const expected = least === most ? `${least}` : `${least} to ${most}`;
    throw shapeError(node, `takes ${expected} inputs, not ${inputs.length}`);
  }
}

/** Checks that an input has the given rank. */
export function requireRank(node: Pick<FloatNode, 'op' | 'origin'>, input: Pick<ShapedInput, 'shape'>, rank: number, what: string): void {
  if (input.shape.length !== rank) throw shapeError(node, `${what} must have ${rank} axes (without the batch), not shape ${shapeText(input.shape)}`);
}

/** Checks an optional vector with one value a channel. */
export function requireVector(node: FloatNode, input: ShapedInput | undefined, length: number, what: string): void {
  if (input && (input.shape.length !== 1 || input.shape[0] !== length)) {
    throw shapeError(node, `${what} must have shape [${length}], not ${shapeText(input.shape)}`);
  }
}

/** Adds the bias, where there is one, and applies the fused clamp. */
export function finish(sum: tf.Tensor, bias: tf.Tensor | undefined, node: FloatNode): tf.Tensor {
  return clampTo(bias ? tf.add(sum, bias) : sum, activationAttribute(node));
}

export function clampTo(value: tf.Tensor, activation: FusedActivation | null): tf.Tensor {
  if (!activation) return value;
  const { min, max } = activation;
  if (min === 0 && max === Infinity) return tf.relu(value);
  const raised = min === -Infinity ? value : tf.maximum(value, tf.scalar(min));
  return max === Infinity ? raised : tf.minimum(raised, tf.scalar(max));
}

/** Convolution of x [N,H,W,C] with weights [O,kh,kw,C/groups], without bias. */
export function convolve(x: tf.Tensor4D, weights: tf.Tensor4D, g: Geometry, groups: number): tf.Tensor4D {
  const padded = padded4d(x, [g.padTop, g.padBottom], [g.padLeft, g.padRight]);
  const filters = tf.transpose(weights, [1, 2, 3, 0]) as tf.Tensor4D;
  if (groups === 1) return convolveValid(padded, filters, g);
  const inputs = tf.split(padded, groups, 3) as tf.Tensor4D[];
  const parts = tf.split(filters, groups, 3) as tf.Tensor4D[];
  return tf.concat(inputs.map((part, i) => convolveValid(part, parts[i], g)), 3);
}

/** tf.conv2d refuses strides together with dilations: then every position is computed and most are dropped. */
function convolveValid(x: tf.Tensor4D, filters: tf.Tensor4D, g: Geometry): tf.Tensor4D {
  const strides: [number, number] = [g.strideHeight, g.strideWidth];
  const dilations: [number, number] = [g.dilationHeight, g.dilationWidth];
  if (!isBoth(strides, dilations)) return tf.conv2d(x, filters, strides, 'valid', 'NHWC', dilations);
  return everyNth(tf.conv2d(x, filters, 1, 'valid', 'NHWC', dilations), g);
}

/** Depthwise convolution of x [N,H,W,C] with weights [kh,kw,C,multiplier], without bias. */
export function convolveDepthwise(x: tf.Tensor4D, weights: tf.Tensor4D, g: Geometry): tf.Tensor4D {
  const padded = padded4d(x, [g.padTop, g.padBottom], [g.padLeft, g.padRight]);
  const dilations: [number, number] = [g.dilationHeight, g.dilationWidth];
  const strides: [number, number] = [g.strideHeight, g.strideWidth];
  if (!isBoth(strides, dilations)) return tf.depthwiseConv2d(padded, weights, strides, 'valid', 'NHWC', dilations);
  return everyNth(tf.depthwiseConv2d(padded, weights, 1, 'valid', 'NHWC', dilations), g);
}

/** Transposed convolution of x [N,H,W,C] with weights [O,kh,kw,C], without bias: zeros between the pixels, flipped weights. */
export function convolveTransposed(x: tf.Tensor4D, weights: tf.Tensor4D, g: Geometry): tf.Tensor4D {
  const pad = insertedPadding(g);
  const spread = padded4d(insertZeros(x, g.strideHeight, g.strideWidth), [pad.top, pad.bottom], [pad.left, pad.right]);
  const filters = tf.transpose(tf.reverse(weights, [1, 2]), [1, 2, 3, 0]) as tf.Tensor4D;
  return tf.conv2d(spread, filters, 1, 'valid', 'NHWC', [g.dilationHeight, g.dilationWidth]);
}

function isBoth(strides: readonly number[], dilations: readonly number[]): boolean {
  return strides.some((s) => s > 1) && dilations.some((d) => d > 1);
}

function everyNth(value: tf.Tensor4D, g: Geometry): tf.Tensor4D {
  return tf.stridedSlice(value, [0, 0, 0, 0], value.shape, [1, g.strideHeight, g.strideWidth, 1]) as tf.Tensor4D;
}

/** [N,H,W,C] → [N,(H−1)·sh+1,(W−1)·sw+1,C]. */
function insertZeros(x: tf.Tensor4D, strideHeight: number, strideWidth: number): tf.Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return x;
  const [n, h, w, c] = x.shape;
  const wide = tf.pad(tf.reshape(x, [n * h * w, 1, c]), [[0, 0], [0, strideWidth - 1], [0, 0]]);
  const tall = tf.pad(tf.reshape(wide, [n * h, 1, w * strideWidth * c]), [[0, 0], [0, strideHeight - 1], [0, 0]]);
  const full = tf.reshape(tall, [n, h * strideHeight, w * strideWidth, c]) as tf.Tensor4D;
  return tf.slice(full, [0, 0, 0, 0], [n, (h - 1) * strideHeight + 1, (w - 1) * strideWidth + 1, c]);
}

/** Pads height and width with zeros; negative amounts crop. */
function padded4d(x: tf.Tensor4D, rows: readonly [number, number], columns: readonly [number, number]): tf.Tensor4D {
  const crop = (amounts: readonly [number, number]) => amounts.map((a) => Math.max(0, -a));
  const [top, bottom] = crop(rows);
  const [left, right] = crop(columns);
  const [n, h, w, c] = x.shape;
  const kept = top || bottom || left || right ? tf.slice(x, [0, top, left, 0], [n, h - top - bottom, w - left - right, c]) : x;
  const grow = [rows, columns].map((amounts) => amounts.map((a) => Math.max(0, a)) as [number, number]);
  return grow.flat().every((a) => a === 0) ? kept : (tf.pad(kept, [[0, 0], grow[0], grow[1], [0, 0]]) as tf.Tensor4D);
}
