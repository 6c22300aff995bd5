/**
 * Picks elements along an axis: by constant indices from an activation, or by the indices of an int32 network input from a
 * constant table (an embedding). Output shape: x up to the axis, the indices' shape, x behind the axis.
 */
import { elementCount, type FloatNode } from '../graph/float.js';
import { constantCodes, laneBytes, type IntegerGraph, type IntegerNode, type IntegerTensor } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { axisAttribute, shapeError, type AttributedNode } from './attributes.js';
import { emitRequantize, samePlan } from './codes.js';
import { copyInstance } from './copy-kernel.js';
import { defineOperator, type EvaluateContext, type ShapedInput } from './definition.js';
import { expectInputs, sampled } from './float-tensors.js';
import { checkInteger, expectCopy, expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import type { LowerContext } from './lower.js';
import { rowMajorStrides } from './loop-nest.js';
import { shiftGatherRows } from './shift/rewritten.js';
import { cType, typeName } from './views.js';

/** Constant indices, checked, negative ones counted from the end. */
function constantIndices(node: AttributedNode, data: ArrayLike<number>, size: number): readonly number[] {
  return Array.from(data, (value) => {
    const index = value < 0 ? value + size : value;
    if (!Number.isInteger(index) || index < 0 || index >= size) throw shapeError(node, `index ${value} is outside an axis of ${size} elements`);
    return index;
  });
}

function checkInputs(node: FloatNode, inputs: readonly ShapedInput[]): void {
  expectInputs(node, inputs, 2);
  const [x, indices] = inputs as [ShapedInput, ShapedInput];
  if (indices.type !== 'int32') throw shapeError(node, 'the indices must be int32');
  if (!x.data && !indices.data) throw shapeError(node, 'one of table and indices must be constant');
}

function gatheredShape(axis: number, x: readonly number[], indices: readonly number[]): readonly number[] {
  return [...x.slice(0, axis), ...indices, ...x.slice(axis + 1)];
}

function evaluate(node: FloatNode, context: EvaluateContext): readonly tf.Tensor[] {
  const [x, indices] = context.inputs as [(typeof context.inputs)[number], (typeof context.inputs)[number]];
  const axis = axisAttribute(node, 'axis', x.shape.length);
  const [shape] = context.outputShapes as [readonly number[]];
  if (indices.constant || !x.constant) {
    const list = constantIndices(node, indices.value.dataSync(), x.shape[axis]!);
    const value = sampled(context, 0);
    return [tf.reshape(tf.gather(value, tf.tensor1d([...list], 'int32'), axis + 1), [value.shape[0]!, ...shape])];
  }
  // [before, batch·indices, after] → the batch first
  const count = elementCount(indices.shape);
  const before = elementCount(x.shape.slice(0, axis));
  const after = elementCount(x.shape.slice(axis + 1));
  const picked = tf.gather(tf.reshape(x.value, [before, x.shape[axis]!, after]), tf.reshape(tf.cast(indices.value, 'int32'), [-1]), 1);
  const split = tf.reshape(picked, [before, context.batch, count, after]);
  return [tf.reshape(tf.transpose(split, [1, 0, 2, 3]), [context.batch, ...shape])];
}

/** Gathers at the table's scale; where the output has another one, what was picked is rescaled. */
function lower(node: FloatNode, context: LowerContext): void {
  const [tableId, indicesId] = node.inputs as [string, string];
  const x = context.integer(tableId);
  const y = context.output(node.outputs[0]!);
  const axis = axisAttribute(node, 'axis', x.shape.length);
  const own = context.activation(tableId);
  const plan = context.activation(node.outputs[0]!);
  const direct = samePlan(own, plan);
  const target = direct ? y : context.intermediate(`${y.name}:gathered`, y.shape, own, node);
  const { data, shape, name } = context.float(indicesId);
  const indices = data
    ? context.constant(name, shape, 32, true, Int32Array.from(constantIndices(node, data, x.shape[axis]!)))
    : context.integer(indicesId).id;
  context.emit({ op: 'gather', inputs: [x.id, indices], outputs: [target.id], attributes: { axis }, from: node });
  if (!direct) emitRequantize(context, node, target.id, own, y.id, plan);
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 2);
  const [x, indices] = inputs as [IntegerTensor, IntegerTensor];
  const axis = checkInteger(node, () => axisAttribute(node, 'axis', x.shape.length));
  expectShape(node, output, gatheredShape(axis, x.shape, indices.shape));
  expectCopy(node, x, output);
  if (indices.type.bits !== 32) throw integerGraphError(node, 'the indices must have 32 bits');
  const [low, high] = indices.codeRange;
  if (low < 0 || high >= x.shape[axis]!) throw integerGraphError(node, `indices in [${low}, ${high}] can leave an axis of ${x.shape[axis]} elements`);
}

/** Constant indices are a copy with a table of offsets. */
function constantInstance(node: IntegerNode, graph: IntegerGraph, x: IntegerTensor, axis: number): KernelInstance {
  const strides = rowMajorStrides(x.shape);
  const offsets = Array.from(constantCodes(graph, node.inputs[1]!), (index) => index * strides[axis]!);
  const kept = (i: number) => ({ size: x.shape[i]!, stride: strides[i]! });
  const before = x.shape.slice(0, axis).map((_, i) => kept(i));
  const after = x.shape.slice(axis + 1).map((_, i) => kept(axis + 1 + i));
  return copyInstance('gather', node, graph, { base: 0, axes: [...before, { size: offsets.length, offsets }, ...after] });
}

function rowsInstance(node: IntegerNode, graph: IntegerGraph, axis: number): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 2);
  const [x, indices] = inputs as [IntegerTensor, IntegerTensor];
  const run = elementCount(x.shape.slice(axis + 1));
  const view = {
    type: cType(output.type),
    before: elementCount(x.shape.slice(0, axis)),
    count: elementCount(indices.shape),
    run,
    runBytes: run * laneBytes(output.type),
    tableElements: x.shape[axis]! * run,
  };
  const args = [...node.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: output.id } as const];
  return { family: 'portable', template: 'gather-rows', stem: `gather_${typeName(output.type)}_rows`, view, arguments: args, scratchBytes: 0, scalars: [] };
}

export const gather = defineOperator({
  name: 'gather',
  float: {
    inferShapes(node, inputs) {
      checkInputs(node, inputs);
      const [x, indices] = inputs as [ShapedInput, ShapedInput];
      const axis = axisAttribute(node, 'axis', x.shape.length);
      if (indices.data) constantIndices(node, indices.data, x.shape[axis]!);
      return [gatheredShape(axis, x.shape, indices.shape)];
    },
    outputType: (_node, inputs) => inputs[0]!.type,
    evaluate,
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower,
  },
  integer: {
    verify,
    kernels: [
      shiftGatherRows((node, graph) => {
        const { inputs } = nodeTensors(node, graph, 2);
        return inputs[1]!.constant ? null : rowsInstance(node, graph, axisAttribute(node, 'axis', inputs[0]!.shape.length));
      }),
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { inputs } = nodeTensors(node!, graph, 2);
          const axis = axisAttribute(node!, 'axis', inputs[0]!.shape.length);
          return inputs[1]!.constant ? constantInstance(node!, graph, inputs[0]!, axis) : rowsInstance(node!, graph, axis);
        },
      },
    ],
  },
});
