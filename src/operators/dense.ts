/** Fully connected layer on the last axis: x [..., K], weights [O, K] → [..., O]. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { cmsisDense } from './cmsis-nn/dense.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { dspDense } from './dsp/dense.js';
import { dspInt16Dense } from './dsp/int16.js';
import type { Kernel } from './kernel.js';
import { shapeError, shapeText } from './attributes.js';
import { linearBounds, WHOLE } from './linear/bounds.js';
import { finish, requireInputs, requireRank, requireVector } from './linear/float.js';
import { biasClassesOf, checkInteger, integerGraphError, linearTensors, verifyLinear } from './linear/integer.js';
import { blockSize, foldedBias, interleave, linearArguments, linearStem, linearView, portableInstance, rowSums, runView } from './linear/kernels.js';
import { lowerLinear } from './linear/lower.js';
import type { LowerContext } from './lower.js';
import { mveDense } from './mve/dense.js';
import { portableDense } from './portable/dense.js';
import { shiftDense } from './shift/dense.js';
import { shiftDenseRows } from './shift/dense-rows.js';

interface Shaped {
  readonly shape: readonly number[];
}

function outputShape(node: FloatNode | IntegerNode, x: Shaped, weights: Shaped): readonly number[] {
  requireRank(node, weights, 2, 'the weights');
  if (x.shape.length < 1 || x.shape[x.shape.length - 1] !== weights.shape[1]) {
    throw shapeError(node, `weights ${shapeText(weights.shape)} do not fit the last axis of the input ${shapeText(x.shape)}`);
  }
  return [...x.shape.slice(0, -1), weights.shape[0]];
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 3);
  const [x, weights, bias] = inputs;
  const shape = outputShape(node, x, weights);
  requireVector(node, bias, weights.shape[0], 'the bias');
  return [shape];
}

function evaluate(node: FloatNode, { inputs, batch, outputShapes }: EvaluateContext): readonly tf.Tensor[] {
  const [x, weights, bias] = inputs;
  const [outputs, depth] = weights.shape;
  const rows = tf.reshape(x.value, [-1, depth]) as tf.Tensor2D;
  // Transpose flags of matMul bypass the fast path of the wasm backend.
  const product = tf.matMul(rows, tf.transpose(weights.value as tf.Tensor2D));
  const leading = x.constant ? [] : [batch];
  return [tf.reshape(finish(product, bias?.value, node), [...leading, ...outputShapes[0].slice(0, -1), outputs])];
}

function lower(node: FloatNode, context: LowerContext): void {
  lowerLinear(node, context, { outputChannels: context.float(node.inputs[1]).shape[0], attributes: () => ({}) });
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const t = linearTensors(node, graph);
  if (biasClassesOf(node)) throw integerGraphError(node, `has no 'biasClasses'`);
  verifyLinear(node, t, checkInteger(node, () => outputShape(node, t.x, t.weights)));
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const t = linearTensors(node, graph);
  const [outputChannels, depth] = t.weights.shape;
  return linearBounds(node, t, { outputChannels, kernelHeight: 1, kernelWidth: 1, depth, weightIndex: (o, _tap, c) => o * depth + c, padCode: null, rows: WHOLE, columns: WHOLE });
}

const portable: Kernel = {
  family: 'portable',
  when: () => true,
  instantiate({ graph, group: [node] }) {
    const t = linearTensors(node, graph);
    const [channels, depth] = t.weights.shape;
    const block = blockSize(channels);
    const view = { ...linearView(node, t, block, true), ...runView(block, depth), rows: elementCount(t.x.shape) / depth, depth, channels };
    const bias = foldedBias(node, t, rowSums(t.weightCodes, channels));
    return portableInstance(node, 'dense', linearStem('dense', t, node), view, linearArguments(node, interleave(t.weightCodes, channels, block), bias));
  },
};

export const dense = defineOperator({
  name: 'dense',
  float: {
    inferShapes,
    evaluate,
    macs: (_node, inputs, outputs) => elementCount(outputs[0]) * inputs[1].shape[1],
    weights: { input: 1, channelAxis: 0, bias: 2 },
    lower,
  },
  integer: {
    verify,
    bounds,
    macs(node, graph) {
      const t = linearTensors(node, graph);
      return elementCount(t.y.shape) * t.weights.shape[1];
    },
    kernels: [shiftDenseRows, shiftDense, ...mveDense, ...dspDense, ...dspInt16Dense, cmsisDense, ...portableDense, portable],
  },
});
