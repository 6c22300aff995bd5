/** A product with (or quotient by) one positive constant is no multiplication of codes at all: only the scale changes. */
import type { FloatNode } from '../graph/float.js';
import { emitRequantize, isTflite } from './codes.js';
import { activationAttribute } from './attributes.js';
import type { LowerContext } from './lower.js';

/**
 * Emits a requantize node where one operand of a `mul`, or the divisor of a `div`, is a constant of one positive value
 * that does not broadcast the other operand. TFLite's profile keeps TFLite's own product.
 */
export function lowerUniformFactor(node: FloatNode, context: LowerContext): boolean {
  const factor = uniformFactor(node, context);
  if (!factor || isTflite(context.arith)) return false;
  const { value, input } = factor;
  if (context.float(input).shape.join() !== context.float(node.outputs[0]!).shape.join()) return false;
  const own = context.activation(input);
  const scaled = { ...own, scale: own.scale * value };
  emitRequantize(context, node, context.integer(input).id, scaled, context.output(node.outputs[0]!).id, context.activation(node.outputs[0]!), activationAttribute(node) ?? undefined);
  return true;
}

/** The factor and the operand that it scales, null where there is none. */
function uniformFactor(node: FloatNode, context: LowerContext): { readonly value: number; readonly input: string } | null {
  const operands = node.op === 'div' ? [1] : [1, 0];
  for (const i of operands) {
    const { data } = context.float(node.inputs[i]!);
    const first = data?.[0];
    if (data && first !== undefined && first > 0 && data.every((v: number) => v === first)) return { value: node.op === 'div' ? 1 / first : first, input: node.inputs[1 - i]! };
  }
  return null;
}
