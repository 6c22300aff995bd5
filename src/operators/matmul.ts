/** Batched product of two tensors: a [..., M, K] · b [..., K, N], leading axes broadcast, either operand may be transposed. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { shapeError, shapeText } from './linear/attributes.js';
import { requireInputs } from './linear/float.js';

interface Operands {
  readonly leading: readonly number[];
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

function operandsOf(node: FloatNode, a: readonly number[], b: readonly number[]): Operands {
  const wrong = () => shapeError(node, `cannot multiply ${shapeText(a)}${node.attributes['transposeA'] ? ' transposed' : ''} by ${shapeText(b)}${node.attributes['transposeB'] ? ' transposed' : ''}`);
  if (a.length < 2 || b.length < 2) throw wrong();
  const [m, ka] = lastTwo(a, node.attributes['transposeA'] === true);
  const [kb, n] = lastTwo(b, node.attributes['transposeB'] === true);
  const leading = broadcast(a.slice(0, -2), b.slice(0, -2));
  if (ka !== kb || !leading) throw wrong();
  return { leading, rows: m, depth: ka, columns: n };
}

function lastTwo(shape: readonly number[], swapped: boolean): readonly [number, number] {
  const [first, second] = shape.slice(-2);
  return swapped ? [second, first] : [first, second];
}

/** NumPy broadcasting of two shapes, null where they do not fit. */
function broadcast(a: readonly number[], b: readonly number[]): readonly number[] | null {
  const rank = Math.max(a.length, b.length);
  const left = [...new Array<number>(rank - a.length).fill(1), ...a];
  const right = [...new Array<number>(rank - b.length).fill(1), ...b];
  if (left.some((d, i) => d !== right[i] && d !== 1 && right[i] !== 1)) return null;
  return left.map((d, i) => (d === 1 ? right[i] : d));
}

function inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[] {
  requireInputs(node, inputs, 2, 2);
  const { leading, rows, columns } = operandsOf(node, inputs[0].shape, inputs[1].shape);
  return [[...leading, rows, columns]];
}

function evaluate(node: FloatNode, { inputs, batch, outputShapes }: EvaluateContext): readonly tf.Tensor[] {
  const [a, b] = inputs;
  const { leading } = operandsOf(node, a.shape, b.shape);
  const everyConstant = a.constant && b.constant;
  const outer = everyConstant ? [...leading] : [batch, ...leading];
  const product = tf.matMul(
    operand(a, outer, node.attributes['transposeA'] === true, batch),
    operand(b, outer, node.attributes['transposeB'] === true, batch),
  );
  return [tf.reshape(product, everyConstant ? [...outputShapes[0]] : [batch, ...outputShapes[0]])];
}

/** One operand as [product of the leading axes, rows, columns]: the backends broadcast leading axes only in simple cases. */
function operand(input: EvaluateContext['inputs'][number], outer: readonly number[], swapped: boolean, batch: number): tf.Tensor3D {
  const [rows, columns] = input.shape.slice(-2);
  const own = input.shape.slice(0, -2);
  const sampleAxes = outer.length - own.length - (input.constant ? 0 : 1);
  const aligned = [...(input.constant ? [] : [batch]), ...new Array<number>(sampleAxes).fill(1), ...own];
  const spread = aligned.every((d, i) => d === outer[i])
    ? input.value
    : tf.broadcastTo(tf.reshape(input.value, [...aligned, rows, columns]), [...outer, rows, columns]);
  const matrices = tf.reshape(spread, [elementCount(outer), rows, columns]) as tf.Tensor3D;
  return swapped ? tf.transpose(matrices, [0, 2, 1]) : matrices;
}

export const matmul = defineOperator({
  name: 'matmul',
  float: {
    inferShapes,
    evaluate,
    macs: (node, inputs, outputs) => elementCount(outputs[0]) * operandsOf(node, inputs[0].shape, inputs[1].shape).depth,
  },
});
