/** Batched product of two tensors: a [..., M, K] · b [..., K, N], leading axes broadcast, either operand may be transposed. */
import type { FloatNode } from '../graph/float.js';
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, IntegerTensor } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { attentionRows } from './attention.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { dspAttention } from './dsp/attention.js';
import { dspMatmul, matmulOperandView } from './dsp/matmul.js';
import { dspMatmulRow } from './dsp/matmul-row.js';
import type { Kernel } from './kernel.js';
import { integersAttribute, shapeError, shapeText } from './attributes.js';
import { requireInputs } from './linear/float.js';
import { checkInteger, integerGraphError, requireInt32, verifyActivationType, verifyCode, verifyRequantize } from './linear/integer.js';
import { activationArguments, blockSize, laneViews, portableInstance } from './linear/kernels.js';
import type { LowerContext } from './lower.js';
import { mveAttention } from './mve/attention.js';
import { mveMatmul } from './mve/matmul.js';
import { shiftMatmul } from './shift/matmul.js';
import { requantizeArguments, requantizeView, signedTerm, typeName } from './views.js';

interface Operands {
  readonly leading: readonly number[];
  readonly rows: number;
  readonly depth: number;
  readonly columns: number;
}

function operandsOf(node: FloatNode | IntegerNode, a: readonly number[], b: readonly number[]): Operands {
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

function lower(node: FloatNode, context: LowerContext): void {
  const [a, b] = node.inputs.map((id) => context.integer(id));
  const [left, right] = node.inputs.map((id) => context.activation(id));
  const y = context.output(node.outputs[0]);
  const { transposeA, transposeB } = node.attributes;
  context.emit({
    op: 'matmul',
    inputs: [a.id, b.id],
    outputs: [y.id],
    attributes: { transposeA, transposeB, inputZeroPoints: [left.zeroPoint, right.zeroPoint] },
    requantize: context.requantize([left.scale * right.scale], context.activation(node.outputs[0])),
    from: node,
  });
}

interface IntegerOperands extends Operands {
  readonly a: IntegerTensor;
  readonly b: IntegerTensor;
  readonly y: IntegerTensor;
  readonly zeroPoints: readonly [number, number];
}

function read(node: IntegerNode, graph: IntegerGraph): IntegerOperands {
  if (node.inputs.length !== 2 || node.outputs.length !== 1) throw integerGraphError(node, 'takes two inputs and has one output');
  const [a, b, y] = [...node.inputs, ...node.outputs].map((id) => integerTensor(graph, id));
  const zeroPoints = checkInteger(node, () => integersAttribute(node, 'inputZeroPoints', 2, -32768)) as readonly [number, number];
  return { ...checkInteger(node, () => operandsOf(node, a.shape, b.shape)), a, b, y, zeroPoints };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { a, b, y, zeroPoints, leading, rows, columns } = read(node, graph);
  const shape = [...leading, rows, columns];
  if (shapeText(y.shape) !== shapeText(shape)) throw integerGraphError(node, `the output has shape ${shapeText(y.shape)}, not ${shapeText(shape)}`);
  [a, b, y].forEach((tensor) => verifyActivationType(node, tensor));
  [a, b].forEach((tensor, i) => verifyCode(node, zeroPoints[i], 'inputZeroPoints', tensor));
  if ([a, b].some((tensor, i) => tensor.type.bits > 8 && zeroPoints[i] !== 0)) throw integerGraphError(node, 'operands of more than 8 bits must have zero point 0');
  verifyRequantize(node, y, 1);
}

/** Each product of the sum is bounded by the corners of the two code ranges. Throws AccumulatorOverflowError. */
function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { a, b, depth, zeroPoints } = read(node, graph);
  const [left, right] = [a, b].map((tensor, i) => tensor.codeRange.map((code) => code - zeroPoints[i]));
  const corners = left.flatMap((x) => right.map((y) => x * y));
  requireInt32(node, depth * Math.max(...corners.map(Math.abs)), 0);
  return { accumulator: [[depth * Math.min(...corners), depth * Math.max(...corners)]], accumulatorBits: 32 };
}

const portable: Kernel = {
  family: 'portable',
  when: () => true,
  instantiate({ graph, group: [node] }) {
    const operands = read(node, graph);
    const { a, b, y, rows, depth, columns, zeroPoints, leading } = operands;
    const block = blockSize(columns);
    const swapped = node.attributes['transposeB'] === true;
    const laneStride = swapped ? depth : 1;
    const offsets = [a, b].map((tensor) => matrixOffsets(tensor.shape, leading));
    const regular = [offsets[0], offsets[1]].map(constantStride);
    const tabled = regular.some((stride) => stride === null);
    const view = {
      ...matmulOperandView(operands),
      depth,
      columns,
      block,
      lanes: laneViews(block).map((lane) => ({ ...lane, offset: lane.index * laneStride })),
      offsetA: signedTerm(-zeroPoints[0]),
      offsetB: signedTerm(-zeroPoints[1]),
      rowStrideA: node.attributes['transposeA'] === true ? 1 : depth,
      depthStrideA: node.attributes['transposeA'] === true ? rows : 1,
      columnStrideB: laneStride,
      depthStrideB: swapped ? 1 : columns,
      tabled,
      matrixStrideA: regular[0] ?? 0,
      matrixStrideB: regular[1] ?? 0,
      requantize: requantizeView(node.requantize!, node.bounds),
    };
    const tables = tabled ? offsets.map((data, i) => ({ kind: 'constant', name: i === 0 ? 'offset_a' : 'offset_b', data }) as const) : [];
    const list = [...activationArguments([a.id, b.id], y.id), ...tables, ...requantizeArguments(node.requantize!)];
    return portableInstance(node, 'matmul', `matmul_${typeName(a.type)}_${typeName(b.type)}`, view, list);
  },
};

/** Where the matrix of each combination of leading indices begins in an operand. */
function matrixOffsets(shape: readonly number[], leading: readonly number[]): Int32Array {
  const own = [...new Array<number>(leading.length - (shape.length - 2)).fill(1), ...shape.slice(0, -2)];
  const matrix = elementCount(shape.slice(-2));
  return Int32Array.from({ length: elementCount(leading) }, (_, index) => {
    let [rest, offset, stride] = [index, 0, matrix];
    for (let axis = leading.length - 1; axis >= 0; axis--) {
      offset += own[axis] === 1 ? 0 : (rest % leading[axis]) * stride;
      stride *= own[axis];
      rest = Math.floor(rest / leading[axis]);
    }
    return offset;
  });
}

function constantStride(offsets: Int32Array): number | null {
  const stride = offsets.length > 1 ? offsets[1] : 0;
  return offsets.every((offset, i) => offset === i * stride) ? stride : null;
}

export const matmul = defineOperator({
  name: 'matmul',
  float: {
    inferShapes,
    evaluate,
    macs: (node, inputs, outputs) => elementCount(outputs[0]) * operandsOf(node, inputs[0].shape, inputs[1].shape).depth,
    lower,
  },
  integer: {
    verify,
    bounds,
    macs(node, graph) {
      const { y, depth } = read(node, graph);
      return elementCount(y.shape) * depth;
    },
    kernels: [shiftMatmul(portable, read), mveAttention(read), dspAttention(read), attentionRows, mveMatmul(read, matrixOffsets), ...dspMatmul(read, matrixOffsets), dspMatmulRow(read, matrixOffsets), portable],
  },
});
