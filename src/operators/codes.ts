/** Real values as codes, and tensors at a wanted scale, for operators that lower. */
import type { FloatNode } from '../graph/float.js';
import type { TensorId } from '../graph/integer.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';
import type { ActivationPlan, Arithmetic, LowerContext } from './lower.js';
import { sameTwin, twinCode } from './twin.js';

/** Code of a real value, saturated; NaN becomes the code of zero. */
export function codeOf(value: number, plan: ActivationPlan): number {
  const [low, high] = typeRange(plan);
  if (Number.isNaN(value)) return plan.zeroPoint;
  if (plan.twin) return twinCode(value / plan.scale, plan.twin);
  return Math.min(high, Math.max(low, roundHalfAway(value / plan.scale) + plan.zeroPoint));
}

export function isTflite(arith: Arithmetic): boolean {
  return arith === 'tflite' || arith === 'tflite-single';
}

export function samePlan(a: ActivationPlan, b: ActivationPlan): boolean {
  return a.scale === b.scale && a.zeroPoint === b.zeroPoint && a.bits === b.bits && a.signed === b.signed && sameTwin(a.twin, b.twin);
}

/** The integer tensor of float tensor `id` at `plan`: itself, or behind a requantize node where its own scale differs. */
export function atScale(context: LowerContext, id: TensorId, plan: ActivationPlan, node: FloatNode): TensorId {
  const source = context.integer(id);
  if (context.float(id).type !== 'float32') return source.id;
  const own = context.activation(id);
  if (samePlan(own, plan)) return source.id;
  const { name, shape } = context.float(id);
  const target = context.intermediate(`${name}:rescaled`, shape, plan, node);
  emitRequantize(context, node, source.id, own, target.id, plan);
  return target.id;
}

export function emitRequantize(context: LowerContext, node: FloatNode, from: TensorId, own: ActivationPlan, to: TensorId, plan: ActivationPlan, activation?: { readonly min: number; readonly max: number }): void {
  context.emit({ op: 'requantize', inputs: [from], outputs: [to], attributes: { inputZeroPoint: own.zeroPoint }, requantize: context.requantize([own.scale], plan, activation), from: node });
}

/** Lowers an operator that copies or picks codes: inputs at the output's scale, the same attributes. */
export function lowerCopy(node: FloatNode, context: LowerContext, attributes = node.attributes): void {
  const plan = context.activation(node.outputs[0]!);
  const inputs = node.inputs.map((id) => atScale(context, id, plan, node));
  context.emit({ op: node.op, inputs, outputs: [context.output(node.outputs[0]!).id], attributes, from: node });
}
