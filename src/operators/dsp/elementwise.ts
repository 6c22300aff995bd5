/** Sums, differences and rescalings of byte codes, four elements at a time. */
import { tfliteAddTerm, tfliteAddTermSingle } from '../../../sim/scalar/add.js';
import { clamp, requantizeDyadic, requantizeDyadicHigh, requantizeTfliteDouble, requantizeTfliteSingle, shiftFloor, shiftHalfAway, shiftHalfEven, shiftHalfUp } from '../../../sim/scalar/requantize.js';
import { elementCount } from '../../graph/float.js';
import type { IntegerNode, IntegerTensor, Requantize } from '../../graph/integer.js';
import { integerAttribute, integersAttribute } from '../attributes.js';
import { binaryTensors, inPlaceInputs } from '../binary.js';
import { nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { cType, typeName } from '../views.js';
import { fitLine, type LineFit } from './line-fit.js';
import { type FoldedRequantize, saturationOf } from './requantize.js';

const SHIFTS = { floor: shiftFloor, halfUp: shiftHalfUp, halfAway: shiftHalfAway, halfEven: shiftHalfEven } as const;

/** One accumulator's code by the scalar definitions; null for modes that element-wise sums do not have. */
export function scalarRequantize(requantize: Requantize): ((accumulator: number) => number) | null {
  const end = (code: number) => clamp(code + requantize.zeroPoint, requantize.clamp[0], requantize.clamp[1]);
  switch (requantize.mode) {
    case 'tfliteDouble':
      return (x) => end(requantizeTfliteDouble(x, requantize.multiplier[0]!, requantize.shift[0]!));
    case 'tfliteSingle':
      return (x) => end(requantizeTfliteSingle(x, requantize.multiplier[0]!, requantize.shift[0]!));
    case 'dyadic':
      return (x) => end(requantizeDyadic(x, requantize.multiplier[0]!, requantize.shift[0]!));
    case 'dyadicHigh':
      return (x) => end(requantizeDyadicHigh(x, requantize.multiplier[0]!));
    case 'shift':
      return (x) => end(SHIFTS[requantize.rounding](x, requantize.shift[0]!));
    default:
      return null;
  }
}

/** Output codes per unit of the accumulator. */
function slopeOf(requantize: Requantize): number {
  switch (requantize.mode) {
    case 'tfliteDouble':
    case 'tfliteSingle':
      return requantize.multiplier[0]! * 2 ** (requantize.shift[0]! - 31);
    case 'dyadic':
      return requantize.multiplier[0]! * 2 ** -requantize.shift[0]!;
    case 'dyadicHigh':
      return requantize.multiplier[0]! * 2 ** -32;
    case 'shift':
      return 2 ** -requantize.shift[0]!;
    default:
      return 0;
  }
}

/** The accumulator as a sum of one term an operand. */
interface Term {
  readonly slope: number;
  of(code: number): number;
}

function additionTerms(node: IntegerNode, sign: 1 | -1): readonly [Term, Term] {
  const multipliers = integersAttribute(node, 'inputMultipliers', 2);
  if (node.attributes['variant'] === 'dyadic') {
    const offset = integerAttribute(node, 'offset');
    return [0, 1].map((i) => ({ slope: multipliers[i]!, of: (code: number) => code * multipliers[i]! + (i === 0 ? offset : 0) })) as unknown as readonly [Term, Term];
  }
  const zeros = integersAttribute(node, 'inputZeroPoints', 2);
  const shifts = integersAttribute(node, 'inputShifts', 2);
  const term = node.requantize!.mode === 'tfliteSingle' ? tfliteAddTermSingle : tfliteAddTerm;
  return [0, 1].map((i) => {
    const side = i === 1 ? sign : 1;
    return { slope: side * multipliers[i]! * 2 ** (20 + shifts[i]! - 31), of: (code: number) => side * term(code, zeros[i]!, multipliers[i]!, shifts[i]!) };
  }) as unknown as readonly [Term, Term];
}

/** Constants for the terms' sum, requantized. The requantization rises with the accumulator, so that 255 thresholds tell everything. */
function fitTerms(requantize: Requantize, terms: readonly Term[], ranges: readonly (readonly [number, number])[]): LineFit | null {
  const code = scalarRequantize(requantize);
  const slope = slopeOf(requantize);
  if (!code || slope <= 0) return null;
  const tables = ranges.map(([low, high], i) => Array.from({ length: high - low + 1 }, (_, k) => terms[i]!.of(low + k)));
  const [least, most] = [Math.min, Math.max].map((pick) => tables.reduce((sum, table) => sum + pick(...table), 0)) as [number, number];
  const thresholds = thresholdsOf(code, requantize.clamp, least, most);
  const second = ranges[1] ?? ([0, 0] as const);
  return fitLine({
    ranges: [ranges[0]!, second],
    slopes: [terms[0]!.slope * slope, (terms[1]?.slope ?? 0) * slope],
    clamp: requantize.clamp,
    wanted: (a, b) => requantize.clamp[0] + countReached(thresholds, tables[0]![a - ranges[0]![0]]! + (tables[1]?.[b - second[0]] ?? 0)),
  });
}

/** For every code above the lowest the smallest accumulator of [least, most] that reaches it, Infinity where none does. */
function thresholdsOf(code: (accumulator: number) => number, [low, high]: readonly [number, number], least: number, most: number): readonly number[] {
  return Array.from({ length: high - low }, (_, i) => {
    if (code(most) <= low + i) return Infinity;
    let [below, reached] = [least - 1, most];
    while (reached - below > 1) {
      const middle = Math.floor((below + reached) / 2);
      if (code(middle) > low + i) reached = middle;
      else below = middle;
    }
    return reached;
  });
}

/** How many of the rising thresholds a value has reached. */
function countReached(thresholds: readonly number[], value: number): number {
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle]! <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Plan {
  readonly fit: LineFit;
  readonly saturation: FoldedRequantize['saturation'];
}

/** Shared by `when` and `instantiate`: the search takes a while. */
const plans = new WeakMap<IntegerNode, Plan | null>();

function planOf(node: IntegerNode, terms: () => readonly Term[], operands: readonly IntegerTensor[]): Plan | null {
  const known = plans.get(node);
  if (known !== undefined) return known;
  const saturation = saturationOf(node.requantize!.clamp);
  const fit = saturation && saturation.bits <= 8 ? fitTerms(node.requantize!, terms(), operands.map((t) => t.codeRange)) : null;
  const plan = fit && saturation ? { fit, saturation } : null;
  plans.set(node, plan);
  return plan;
}

/** Signed bytes in, bytes out, all of one shape, at least one word of them. */
function isPlain({ features }: KernelContext, operands: readonly IntegerTensor[], output: IntegerTensor): boolean {
  const signed = operands.every((t) => t.type.signed && t.type.bits <= 8 && !t.type.packed && elementCount(t.shape) === elementCount(output.shape));
  return features.dsp && features.unalignedAccess && signed && output.type.bits <= 8 && !output.type.packed && elementCount(output.shape) >= 4;
}

function lineInstance(op: string, node: IntegerNode, context: KernelContext, operands: readonly IntegerTensor[], output: IntegerTensor, { fit, saturation }: Plan): KernelInstance {
  const count = elementCount(output.shape);
  const suffix = `${operands.length}_${fit.shift}_${saturation.signed ? 's' : 'u'}${saturation.bits}`;
  const common = { suffix, two: operands.length === 2, shift: fit.shift, bits: saturation.bits, saturate: saturation.signed ? 'ssat' : 'usat' };
  return {
    family: 'dsp',
    template: 'dsp/line',
    stem: `${op}_${operands.map((t) => typeName(t.type)).join('_')}`,
    view: { ...common, outputType: cType(output.type), count, words: count >> 2, rest: count & 3, first: fit.multipliers[0], second: fit.multipliers[1], constant: fit.constant },
    arguments: [...operands.map((t) => ({ kind: 'input', tensor: t.id }) as const), { kind: 'output', tensor: output.id }],
    scratchBytes: 0,
    scalars: [],
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/line-constants', view: {} },
      { template: 'dsp/line-words', view: common },
    ],
    inPlace: inPlaceInputs({ ...node, inputs: operands.map((t) => t.id) }, context.graph),
  };
}

/** a ± b of equal shapes. */
export function dspAddition(op: 'add' | 'sub'): Kernel {
  const sign = op === 'add' ? 1 : -1;
  const plan = (node: IntegerNode, context: KernelContext) => planOf(node, () => additionTerms(node, sign), binaryTensors(node, context.graph).inputs);
  return {
    family: 'dsp',
    when(context) {
      const node = context.group[0]!;
      const { inputs, output } = binaryTensors(node, context.graph);
      return isPlain(context, inputs, output) && plan(node, context) !== null;
    },
    instantiate(context) {
      const node = context.group[0]!;
      const { inputs, output } = binaryTensors(node, context.graph);
      return lineInstance(op, node, context, inputs, output, plan(node, context)!);
    },
  };
}

/** The same values at another scale. */
export const dspRequantize: Kernel = {
  family: 'dsp',
  when(context) {
    const { inputs, output } = nodeTensors(context.group[0]!, context.graph, 1);
    return isPlain(context, inputs, output) && rescalePlan(context) !== null;
  },
  instantiate(context) {
    const node = context.group[0]!;
    const { inputs, output } = nodeTensors(node, context.graph, 1);
    return lineInstance('requantize', node, context, inputs, output, rescalePlan(context)!);
  },
};

function rescalePlan({ graph, group }: KernelContext): Plan | null {
  const node = group[0]!;
  const zeroPoint = integerAttribute(node, 'inputZeroPoint');
  return planOf(node, () => [{ slope: 1, of: (code) => code - zeroPoint }], nodeTensors(node, graph, 1).inputs);
}
