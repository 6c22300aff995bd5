/**
 * The integer side of add and sub. Two forms, named by the attribute `variant`:
 * - `tflite`: TFLite's sequence. Both operands, 20 bits to the left, are rescaled to twice the larger scale, summed, and
 *   rescaled to the output (attributes inputZeroPoints, inputMultipliers, inputShifts; codes of at most 8 bits).
 * - `dyadic`: one rounding. accumulator = a·Ma ± b·Mb + offset at the output's scale times 2^shift, multipliers below
 *   2^15 (attributes inputMultipliers, offset), then a rounding shift.
 */
import type { FloatNode } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, Requantize } from '../graph/integer.js';
import { activationAttribute, integerAttribute, integersAttribute, stringAttribute } from './attributes.js';
import { binaryKernel, binaryTensors, verifyBinary, type BinaryView } from './binary.js';
import { cmsisAdd } from './cmsis-nn/elementwise.js';
import { isTflite } from './codes.js';
import { roundHalfAway } from '../graph/lanes.js';
import type { IntegerSide } from './definition.js';
import { dspAddition } from './dsp/elementwise.js';
import { integerGraphError, scaledInterval, sumOfIntervals, zeroPoints } from './integer-checks.js';
import type { LowerContext } from './lower.js';
import { mveAddition } from './mve/addition.js';
import { shiftAddition } from './shift/addition.js';
import { fewDigits } from './shift/digits.js';
import { requantizeScalars, requantizeView, signedTerm } from './views.js';

export const additionVariants = ['tflite', 'dyadic'] as const;
const LEFT_SHIFT = 20;
/** Multipliers of 15 bits: two of them fit one SMLAD operand, and their error is below 2^-7 of a code. */
const MULTIPLIER_LIMIT = 32768;
/** No SMLAD takes codes of more than 8 bits, and they want what precision the sum's 30 bits leave. */
const WIDE_LIMIT = 2 ** 30;

export function lowerAddition(node: FloatNode, context: LowerContext, sign: 1 | -1): void {
  const plans = node.inputs.map((id) => context.activation(id));
  const codes = node.inputs.map((id) => context.integer(id));
  const output = context.activation(node.outputs[0]!);
  const y = context.output(node.outputs[0]!);
  const activation = activationAttribute(node) ?? undefined;
  const zeros = plans.map((p) => p.zeroPoint);
  const inputs = codes.map((c) => c.id);
  const outputs = [y.id];
  if (isTflite(context.arith) && plans.every((p) => p.bits <= 8)) {
    const twice = 2 * Math.max(plans[0]!.scale, plans[1]!.scale);
    const terms = plans.map((p) => tfliteConstants(context.requantize([p.scale], { ...p, scale: twice })));
    context.emit({
      op: node.op,
      inputs,
      outputs,
      attributes: { variant: 'tflite', inputZeroPoints: zeros, inputMultipliers: terms.map((t) => t.multiplier), inputShifts: terms.map((t) => t.shift) },
      requantize: context.requantize([twice / 2 ** LEFT_SHIFT], output, activation),
      from: node,
    });
    return;
  }
  const magnitudes = codes.map((c, i) => Math.max(Math.abs(c.codeRange[0] - zeros[i]!), Math.abs(c.codeRange[1] - zeros[i]!)));
  const limit = plans.some((p) => p.bits > 8) ? WIDE_LIMIT : MULTIPLIER_LIMIT;
  const { multipliers, shift } = commonMultipliers(plans.map((p) => p.scale / output.scale), magnitudes, limit);
  const signed = (context.arith === 'shift' ? multipliers.map(fewDigits) : multipliers).map((m, i) => (i === 1 ? sign * m : m));
  const { zeroPoint, clamp } = context.requantize([output.scale], output, activation);
  context.emit({
    op: node.op,
    inputs,
    outputs,
    attributes: { variant: 'dyadic', inputMultipliers: signed, offset: -(signed[0]! * zeros[0]! + signed[1]! * zeros[1]!) + 0 },
    requantize: { mode: 'shift', shift: [shift], rounding: 'halfUp', zeroPoint, clamp },
    from: node,
  });
}

function tfliteConstants(requantize: Requantize): { readonly multiplier: number; readonly shift: number } {
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') throw new RangeError(`TFLite's add needs a tflite mode, not ${requantize.mode}`);
  return { multiplier: requantize.multiplier[0]!, shift: requantize.shift[0]! };
}

/** Ratios as multipliers over the largest common power of two that keeps them below 2^15 (or `limit`) and the sum below 2^30. */
export function commonMultipliers(ratios: readonly number[], magnitudes: readonly number[], limit = MULTIPLIER_LIMIT): { readonly multipliers: readonly number[]; readonly shift: number } {
  for (let shift = 31; shift > 0; shift--) {
    const multipliers = ratios.map((r) => roundHalfAway(r * 2 ** shift));
    const reach = multipliers.reduce((sum, m, i) => sum + m * magnitudes[i]!, 0);
    if (multipliers.every((m) => m < limit) && reach < 2 ** 30) return { multipliers, shift };
  }
  return { multipliers: ratios.map(roundHalfAway), shift: 0 };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs } = verifyBinary(node, graph);
  if (stringAttribute(node, 'variant', additionVariants) === 'dyadic') {
    integersAttribute(node, 'inputMultipliers', 2);
    integerAttribute(node, 'offset');
    if (node.requantize!.mode !== 'shift') throw integerGraphError(node, `variant dyadic needs a shift requantization, not ${node.requantize!.mode}`);
    return;
  }
  zeroPoints(node, 2);
  integersAttribute(node, 'inputMultipliers', 2);
  const shifts = integersAttribute(node, 'inputShifts', 2);
  if (shifts.some((s) => s > 0 || s < -31)) throw integerGraphError(node, `'inputShifts' must lie in [-31, 0]`);
  if (inputs.some((t) => t.type.bits > 8)) throw integerGraphError(node, 'variant tflite takes codes of at most 8 bits');
  if (!node.requantize!.mode.startsWith('tflite')) throw integerGraphError(node, `variant tflite needs a tflite requantization, not ${node.requantize!.mode}`);
}

function bounds(node: IntegerNode, graph: IntegerGraph, sign: 1 | -1): AccumulatorBounds {
  const { inputs } = binaryTensors(node, graph);
  const multipliers = integersAttribute(node, 'inputMultipliers', 2);
  if (stringAttribute(node, 'variant', additionVariants) === 'dyadic') {
    const offset = integerAttribute(node, 'offset');
    const [low, high] = sumOfIntervals(inputs.map((t, i) => scaledInterval(t.codeRange, 0, multipliers[i]!)));
    return { accumulator: [[low + offset, high + offset]], accumulatorBits: 32 };
  }
  const zeros = zeroPoints(node, 2);
  const shifts = integersAttribute(node, 'inputShifts', 2);
  // Each of the two roundings adds less than one.
  const terms = inputs.map((t, i) => {
    const [low, high] = scaledInterval(t.codeRange, zeros[i]!, 2 ** LEFT_SHIFT * multipliers[i]! * 2 ** (shifts[i]! - 31));
    return i === 1 && sign < 0 ? [-high, -low] as const : [low, high] as const;
  });
  const [low, high] = sumOfIntervals(terms);
  return { accumulator: [[Math.floor(low) - 4, Math.ceil(high) + 4]], accumulatorBits: 32 };
}

/** multiplier·2^(shift − 31) = 1/2. */
function isHalved(node: IntegerNode): readonly boolean[] {
  const shifts = integersAttribute(node, 'inputShifts', 2);
  return integersAttribute(node, 'inputMultipliers', 2).map((m, i) => m === 2 ** 30 && shifts[i] === 0);
}

/**
 * Half of the divisor and the zero point join the offset, so that the rounding shift becomes a plain one: the same code,
 * floor((acc + 2^(n−1))/2^n) + z = floor((acc + 2^(n−1) + z·2^n)/2^n). Only where the larger sum still holds 32 bits.
 */
export function foldedRounding(node: IntegerNode): { readonly requantize: Requantize; readonly offset: number } {
  const requantize = node.requantize!;
  const offset = integerAttribute(node, 'offset');
  if (requantize.mode !== 'shift' || requantize.rounding !== 'halfUp' || !node.bounds) return { requantize, offset };
  const places = requantize.shift[0]!;
  const added = (places > 0 ? 2 ** (places - 1) : 0) + requantize.zeroPoint * 2 ** places;
  const fits = node.bounds.accumulator.every(([low, high]) => low + added >= -(2 ** 31) && high + added < 2 ** 31) && Math.abs(offset + added) < 2 ** 31;
  return fits ? { requantize: { ...requantize, rounding: 'floor', zeroPoint: 0 }, offset: offset + added } : { requantize, offset };
}

interface AdditionView extends BinaryView {
  readonly tflite: boolean;
  readonly single: boolean;
  /** Operands at the larger scale: their factor is exactly one half, which rounds nothing. */
  readonly halved: readonly boolean[];
  readonly minus: boolean;
  readonly zeroPoints: readonly number[];
  /** −zero point as a term of a sum. */
  readonly zeroTerms: readonly string[];
  readonly multipliers: readonly number[];
  readonly shifts: readonly number[];
  readonly offsetTerm: string;
}

export function additionSide(op: 'add' | 'sub'): IntegerSide {
  const sign = op === 'add' ? 1 : -1;
  return {
    verify,
    bounds: (node, graph) => bounds(node, graph, sign),
    kernels: [
      shiftAddition(op),
      mveAddition(op),
      dspAddition(op),
      ...(op === 'add' ? [cmsisAdd] : []),
      binaryKernel(op, (node, view): { view: AdditionView; scalars: readonly string[]; variant: string } => {
        const tflite = stringAttribute(node, 'variant', additionVariants) === 'tflite';
        const single = node.requantize!.mode === 'tfliteSingle';
        const halved = tflite ? isHalved(node) : [false, false];
        const allHalved = halved.every((h) => h);
        const own = tflite && !allHalved ? [single ? 'tfliteAddTermSingle' : 'tfliteAddTerm'] : [];
        const { requantize, offset } = tflite ? { requantize: node.requantize!, offset: 0 } : foldedRounding(node);
        return {
          view: {
            ...view,
            requantize: requantizeView(requantize),
            tflite,
            single,
            halved,
            minus: sign < 0,
            zeroPoints: tflite ? zeroPoints(node, 2) : [0, 0],
            zeroTerms: (tflite ? zeroPoints(node, 2) : [0, 0]).map((z) => signedTerm(-z)),
            multipliers: integersAttribute(node, 'inputMultipliers', 2),
            shifts: tflite ? integersAttribute(node, 'inputShifts', 2) : [0, 0],
            offsetTerm: signedTerm(offset),
          },
          scalars: [...own, ...requantizeScalars(requantize)],
          variant: tflite ? '_tflite' : '',
        };
      }),
    ],
  };
}
