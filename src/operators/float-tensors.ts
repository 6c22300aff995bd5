/** Helpers of the float side: batch axis, broadcasting, fused clamps. */
import type { FloatDataType, FloatNode, FusedActivation } from '../graph/float.js';
import { tf } from '../tensor/index.js';
import { activationAttribute, shapeError } from './attributes.js';
import type { EvaluateContext, ShapedInput } from './definition.js';

/** Throws unless the node has the wanted number of inputs. */
export function expectInputs(node: FloatNode, inputs: readonly ShapedInput[], least: number, most = least): void {
  if (inputs.length >= least && inputs.length <= most) return;
  throw shapeError(node, `takes ${least === most ? least : `${least} to ${most}`} input(s), it has ${inputs.length}`);
}

/** Throws unless the input has the wanted rank (per sample). */
export function expectRank(node: FloatNode, input: ShapedInput, rank: number, layout: string): void {
  if (input.shape.length !== rank) throw shapeError(node, `needs an input ${layout}, it has shape [${input.shape.join(', ')}]`);
}

/** Input i with a leading batch axis; a constant gets one of length 1. */
export function sampled(context: EvaluateContext, i: number): tf.Tensor {
  const { value, constant } = context.inputs[i]!;
  return constant ? tf.expandDims(value, 0) : value;
}

/** Input i with a leading batch axis of full length; constants are repeated. */
export function batched(context: EvaluateContext, i: number): tf.Tensor {
  const value = sampled(context, i);
  return context.inputs[i]!.constant && context.batch > 1 ? tf.tile(value, [context.batch, ...value.shape.slice(1).map(() => 1)]) : value;
}

/** NumPy broadcasting of two per-sample shapes. */
export function broadcastShapes(node: FloatNode, a: readonly number[], b: readonly number[]): readonly number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[i - rank + a.length] ?? 1;
    const y = b[i - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw shapeError(node, `shapes [${a.join(', ')}] and [${b.join(', ')}] do not broadcast`);
    return x === 1 ? y : x;
  });
}

/** Operand i with its per-sample shape aligned at the right to `rank` axes, so that batch axes meet. */
function aligned(context: EvaluateContext, i: number, rank: number): tf.Tensor {
  const value = sampled(context, i);
  const [batch, ...shape] = value.shape as [number, ...number[]];
  return shape.length === rank ? value : tf.reshape(value, [batch, ...Array<number>(rank - shape.length).fill(1), ...shape]);
}

/** Evaluates an element-wise operator of two operands, then the node's fused clamp. */
export function evaluateBinary(node: FloatNode, context: EvaluateContext, apply: (a: tf.Tensor, b: tf.Tensor) => tf.Tensor): readonly tf.Tensor[] {
  const rank = context.outputShapes[0]!.length;
  const result = applyActivation(apply(aligned(context, 0, rank), aligned(context, 1, rank)), activationAttribute(node));
  return [result.shape[0] === context.batch ? result : tf.tile(result, [context.batch, ...result.shape.slice(1).map(() => 1)])];
}

export function applyActivation(x: tf.Tensor, activation: FusedActivation | null): tf.Tensor {
  if (!activation || (activation.min === -Infinity && activation.max === Infinity)) return x;
  if (activation.min === 0 && activation.max === Infinity) return tf.relu(x);
  return tf.clipByValue(x, activation.min, activation.max);
}

/** Type of an output that keeps its inputs' type: integers only where all are. */
export function commonType(inputs: readonly ShapedInput[]): FloatDataType {
  return inputs.every((i) => i.type === 'int32') ? 'int32' : inputs.every((i) => i.type === 'bool') ? 'bool' : 'float32';
}

/** Picks `indices` along an axis of the batched tensor (axis 0 is the batch). */
export function take(x: tf.Tensor, indices: readonly number[] | Int32Array, axis: number): tf.Tensor {
  return tf.gather(x, tf.tensor1d(Array.from(indices), 'int32'), axis);
}

/** `take` on every axis of the per-sample shape whose index list is not the identity. */
export function takeAll(x: tf.Tensor, indices: readonly (readonly number[])[]): tf.Tensor {
  let result = x;
  indices.forEach((list, axis) => {
    const identity = list.length === result.shape[axis + 1] && list.every((v, i) => v === i);
    if (!identity) result = take(result, list, axis + 1);
  });
  return result;
}
