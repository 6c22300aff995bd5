/**
 * I-ViT's functions by shifts in place of tables (--transformer-functions ivit): softmax becomes Shiftmax; GELU and SiLU become
 * x·sigmoid(c·x) with the same exponential. Integer layer normalization is I-ViT's in either case.
 */
import type { FloatNode } from '../graph/float.js';
import { axisAttribute, numberAttribute } from './attributes.js';
import { emitRequantize, samePlan } from './codes.js';
import type { ActivationPlan, LowerContext } from './lower.js';

export const TRANSFORMER_FUNCTIONS = ['lookup', 'ivit'] as const;
export type TransformerFunctions = (typeof TRANSFORMER_FUNCTIONS)[number];

/** Sums of exponentials stay below 2^31. */
const SUM_BITS = 31;
const MOST_EXPONENT_BITS = 15;
const GATE_EXPONENT_BITS = 13;
/** Fraction bits of a probability or of a sigmoid. */
const SHARE_BITS = 8;
const MOST_SHARE_BITS = 15;
/** GELU as x·sigmoid(1.702·x), the approximation of I-ViT; SiLU is exact. */
const GATES: Readonly<Record<string, number>> = { gelu: 1.702, 'gelu-tanh': 1.702, silu: 1 };

export interface ShiftUnit {
  /** Distances are shifted to the left by so many places; negative: to the right, rounded half up. */
  readonly places: number;
  /** One, in shifted codes: 128 to 256. */
  readonly unit: number;
}

/** `rate`: what one code adds to the exponent. */
export function shiftUnit(rate: number): ShiftUnit {
  const places = Math.ceil(Math.log2(rate * 128) - 1e-12);
  return { places, unit: Math.max(1, Math.floor(2 ** places / rate + 0.5)) };
}

/** Fraction bits that leave 31 for the sum of `depth` exponentials. */
export function exponentBits(unit: number, depth: number): number {
  return Math.min(MOST_EXPONENT_BITS, SUM_BITS - Math.ceil(Math.log2(depth * unit + 1)));
}

/** Lowers what has such a form; false where the operator's own lowering has to. */
export function lowerByShifts(node: FloatNode, context: LowerContext): boolean {
  if (node.op === 'softmax') return lowerShiftmax(node, context);
  const factor = node.op === 'unary' ? GATES[String(node.attributes['function'])] : undefined;
  if (factor === undefined) return false;
  const [input, output] = [context.activation(node.inputs[0]!), context.activation(node.outputs[0]!)];
  context.emit({
    op: 'shift-gate',
    inputs: [context.integer(node.inputs[0]!).id],
    outputs: [context.output(node.outputs[0]!).id],
    attributes: { inputZeroPoint: input.zeroPoint, ...shiftUnit(factor * input.scale), exponentBits: GATE_EXPONENT_BITS, fractionBits: SHARE_BITS },
    requantize: context.requantize([input.scale / 2 ** SHARE_BITS], output),
    from: node,
  });
  return true;
}

/** Probabilities in steps of a power of two are written as planned, others are rescaled. */
function lowerShiftmax(node: FloatNode, context: LowerContext): boolean {
  const planned = context.activation(node.outputs[0]!);
  if ('twin' in planned && planned.twin !== undefined) {
    context.unsupported(node, 'Shiftmax has no twin ranges', 'use --transformer-functions lookup');
    return true;
  }
  const fraction = Math.round(Math.log2(1 / planned.scale));
  const isExact = fraction >= 1 && fraction <= MOST_SHARE_BITS && Math.abs(planned.scale * 2 ** fraction - 1) < 1e-5;
  const own: ActivationPlan = isExact ? planned : { bits: 8, signed: true, scale: 2 ** -SHARE_BITS, zeroPoint: -128 };
  const y = context.output(node.outputs[0]!);
  const direct = samePlan(own, planned);
  const target = direct ? y : context.intermediate(`${y.name}:softmax`, y.shape, own, node);
  const axis = axisAttribute(node, 'axis', y.shape.length);
  const unit = shiftUnit(context.activation(node.inputs[0]!).scale * numberAttribute(node, 'beta'));
  context.emit({
    op: 'shiftmax',
    inputs: [context.integer(node.inputs[0]!).id],
    outputs: [target.id],
    attributes: { axis, ...unit, exponentBits: exponentBits(unit.unit, y.shape[axis]!), fractionBits: isExact ? fraction : SHARE_BITS, outputZeroPoint: own.zeroPoint },
    from: node,
  });
  if (!direct) emitRequantize(context, node, target.id, own, y.id, planned);
  return true;
}
