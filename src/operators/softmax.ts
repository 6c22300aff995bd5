/**
 * e^(beta·x) over its sum along one axis. Two integer forms:
 * - `tflite`: TFLite's fixed-point exponential and reciprocal (attributes multiplier, shift, diffMin, rounding), output
 *   scale 1/256, zero point -128.
 * - `dyadic`: a table of e^(−beta·scale·d)·2^15 for every distance d from the largest code, and one exact division an
 *   element (attributes steps = 1/output scale, outputZeroPoint).
 */
import { elementCount, type FloatNode } from '../graph/float.js';
import { constantCodes, type AccumulatorBounds, type IntegerGraph, type IntegerNode } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { axisAttribute, integerAttribute, numberAttribute, stringAttribute } from './attributes.js';
import { inPlaceInputs } from './binary.js';
import { cmsisSoftmax } from './cmsis-nn/softmax.js';
import { atScale, emitRequantize, isTflite, samePlan } from './codes.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';
import { defineOperator, type EvaluateContext } from './definition.js';
import { dspSoftmax } from './dsp/softmax.js';
import { dspSoftmaxTable } from './dsp/softmax-table.js';
import { expectInputs, sampled } from './float-tensors.js';
import { checkInteger, expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import type { ActivationPlan, LowerContext } from './lower.js';
import { shiftSoftmax } from './shift/softmax.js';
import { mveSoftmax } from './mve/softmax.js';
import { cType, signedTerm, typeName } from './views.js';

const variants = ['tflite', 'dyadic'] as const;
const roundings = ['double', 'single'] as const;
/** e^0 in the table. */
const ONE = 32768;
/** exponential·steps stays below 2^29 (softmaxShare). */
const MOST_TWIN_STEPS = 2 ** 13;
/** TFLite's exponential takes Q5.26. */
const INTEGER_BITS = 5;

function evaluate(node: FloatNode, context: EvaluateContext): readonly tf.Tensor[] {
  const x = sampled(context, 0);
  const axis = axisAttribute(node, 'axis', x.rank - 1) + 1;
  const beta = numberAttribute(node, 'beta');
  const scaled = beta === 1 ? x : tf.mul(x, beta);
  if (axis === x.rank - 1) return [tf.softmax(scaled)];
  // TensorFlow.js normalizes the last axis only
  const swapped = Array.from({ length: x.rank }, (_, i) => (i === axis ? x.rank - 1 : i === x.rank - 1 ? axis : i));
  return [tf.transpose(tf.softmax(tf.transpose(scaled, swapped)), swapped)];
}

/** Where the planned output has another scale than the form can write, a requantization follows; wide inputs are rescaled first. */
function lower(node: FloatNode, context: LowerContext): void {
  const given = context.activation(node.inputs[0]!);
  const input = given.bits > 8 ? byteOf(given) : given;
  const planned = context.activation(node.outputs[0]!);
  const tflite = isTflite(context.arith);
  const steps = roundHalfAway(1 / planned.scale);
  const isExact = (planned.bits <= 8 || planned.twin !== undefined) && steps >= 2 && steps <= (planned.twin ? MOST_TWIN_STEPS : 256) && Math.abs(1 / planned.scale - steps) < 1e-3;
  const own: ActivationPlan = tflite || !isExact ? { bits: 8, signed: true, scale: 1 / 256, zeroPoint: -128 } : planned;
  const x = atScale(context, node.inputs[0]!, input, node);
  const y = context.output(node.outputs[0]!);
  const direct = samePlan(own, planned);
  const target = direct ? y : context.intermediate(`${y.name}:softmax`, y.shape, own, node);
  const axis = axisAttribute(node, 'axis', y.shape.length);
  const rate = input.scale * numberAttribute(node, 'beta');
  if (tflite) {
    context.emit({ op: 'softmax', inputs: [x], outputs: [target.id], attributes: { variant: 'tflite', axis, ...tfliteConstants(context, input, rate) }, from: node });
  } else {
    const table = Int32Array.from({ length: 2 ** input.bits }, (_, d) => roundHalfAway(ONE * Math.exp(-rate * d)));
    const tableId = context.constant(`${node.id}:exponentials`, [table.length], 16, false, table);
    context.emit({ op: 'softmax', inputs: [x, tableId], outputs: [target.id], attributes: { variant: 'dyadic', axis, steps: roundHalfAway(1 / own.scale), outputZeroPoint: own.zeroPoint, ...(own.twin && { twin: { shift: own.twin.shift, split: own.twin.split } }) }, from: node });
  }
  if (!direct) emitRequantize(context, node, target.id, own, y.id, planned);
}

/** The range of wider codes, which are symmetric, in 8 bits. */
function byteOf({ bits, scale }: ActivationPlan): ActivationPlan {
  return { bits: 8, signed: true, scale: Math.fround((scale * (2 ** (bits - 1) - 1)) / 127), zeroPoint: 0 };
}

/** PreprocessSoftmaxScaling and CalculateInputRadius of TFLite. */
function tfliteConstants(context: LowerContext, input: ActivationPlan, rate: number): { multiplier: number; shift: number; diffMin: number; rounding: (typeof roundings)[number] } {
  const rounding = context.arith === 'tflite-single' ? 'single' : 'double';
  const most = rounding === 'single' ? 2 ** 30 - 1 : 2 ** 31 - 1;
  const requantize = context.requantize([Math.min(rate * 2 ** (31 - INTEGER_BITS), most)], { ...input, scale: 1 });
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') throw new RangeError(`TFLite's softmax needs a tflite mode, not ${requantize.mode}`);
  const shift = requantize.shift[0]!;
  const diffMin = -Math.floor(((2 ** INTEGER_BITS - 1) * 2 ** (31 - INTEGER_BITS)) / 2 ** shift) + 0;
  return { multiplier: requantize.multiplier[0]!, shift, diffMin, rounding };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1, 2);
  const x = inputs[0]!;
  expectShape(node, output, x.shape);
  if (x.type.bits > 8) throw integerGraphError(node, 'takes codes of at most 8 bits');
  checkInteger(node, () => axisAttribute(node, 'axis', x.shape.length));
  if (checkInteger(node, () => stringAttribute(node, 'variant', variants)) === 'tflite') {
    const shift = integerAttribute(node, 'shift');
    if (inputs.length !== 1 || shift < 0 || shift > 30 || integerAttribute(node, 'multiplier') < 0 || integerAttribute(node, 'diffMin') > 0) throw integerGraphError(node, 'multiplier and shift must be ≥ 0, diffMin ≤ 0');
    stringAttribute(node, 'rounding', roundings);
    if (output.type.bits !== 8 || !output.type.signed) throw integerGraphError(node, 'variant tflite writes signed codes of 8 bits');
    return;
  }
  const codes = inputs.length === 2 ? constantCodes(graph, inputs[1]!.id) : [];
  const isTable = codes.length === 2 ** x.type.bits && codes[0] === ONE && codes.every((c, d) => c >= 0 && (d === 0 || c <= codes[d - 1]!));
  if (!isTable) throw integerGraphError(node, `needs a falling table of ${2 ** x.type.bits} exponentials that begins with ${ONE}`);
  const steps = integerAttribute(node, 'steps');
  const twin = twinOf(node);
  const mostSteps = twin ? MOST_TWIN_STEPS : 256;
  if (steps < 2 || steps > mostSteps || output.type.bits > (twin ? 16 : 8)) throw integerGraphError(node, `'steps' must lie in [2, ${mostSteps}] for codes of at most ${twin ? 16 : 8} bits`);
  if (twin && (integerAttribute(node, 'outputZeroPoint') !== 0 || !(twin.shift >= 1 && twin.shift <= 15 && twin.split >= 1))) throw integerGraphError(node, "'twin' needs a shift in [1, 15], a split of at least 1 and the zero point 0");
  integerAttribute(node, 'outputZeroPoint');
}

/** Two ranges of shares, as the lowering of twin plans writes them. */
export function twinOf(node: IntegerNode): { readonly shift: number; readonly split: number } | null {
  return (node.attributes['twin'] as { readonly shift: number; readonly split: number } | undefined) ?? null;
}

/** The accumulator is the sum of exponentials: at least the largest code's own. softmaxShare doubles it. */
function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { output } = nodeTensors(node, graph, 1, 2);
  const depth = output.shape[axisAttribute(node, 'axis', output.shape.length)]!;
  const one = node.attributes['variant'] === 'tflite' ? 2 ** 19 : 2 * ONE;
  return { accumulator: [[one, one * depth]], accumulatorBits: 32 };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1, 2);
  const axis = axisAttribute(node, 'axis', output.shape.length);
  const stride = elementCount(output.shape.slice(axis + 1));
  const common = {
    inputType: cType(inputs[0]!.type),
    outputType: cType(output.type),
    outer: elementCount(output.shape.slice(0, axis)),
    stride,
    isStrided: stride > 1,
    depth: output.shape[axis]!,
    rowElements: output.shape[axis]! * stride,
  };
  const activations = [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }] as const;
  const inPlace = inPlaceInputs({ ...node, inputs: [node.inputs[0]!] }, graph);
  const name = typeName(inputs[0]!.type);
  if (node.attributes['variant'] === 'tflite') {
    const single = node.attributes['rounding'] === 'single';
    const view = { ...common, single, multiplier: integerAttribute(node, 'multiplier'), shift: integerAttribute(node, 'shift'), diffMin: integerAttribute(node, 'diffMin') };
    const scalars = [single ? 'tfliteSoftmaxExpSingle' : 'tfliteSoftmaxExp', 'tfliteSoftmaxTerm', 'tfliteSoftmaxReciprocal', 'tfliteSoftmaxCode'];
    return { family: 'portable', template: 'softmax-tflite', stem: `softmax_${name}_tflite`, view, arguments: activations, scratchBytes: 0, scalars, inPlace };
  }
  const [low, high] = typeRange(output.type);
  const twin = twinOf(node);
  const view = { ...common, steps: integerAttribute(node, 'steps'), twin, zeroPointTerm: signedTerm(integerAttribute(node, 'outputZeroPoint')), low, high };
  const table = { kind: 'constant', name: 'exponentials', data: constantCodes(graph, inputs[1]!.id) } as const;
  return { family: 'portable', template: 'softmax', stem: twin ? `softmax_${name}_twin` : `softmax_${name}`, view, arguments: [...activations, table], scratchBytes: 0, scalars: ['softmaxShare', 'clamp', ...(twin ? ['twinShare'] : [])], inPlace };
}

export const softmax = defineOperator({
  name: 'softmax',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      axisAttribute(node, 'axis', inputs[0]!.shape.length);
      return [inputs[0]!.shape];
    },
    evaluate,
    scaleRule: () => ({ kind: 'fixed', scale: 1 / 256, zeroPoint: -128 }),
    lower,
  },
  integer: {
    verify,
    bounds,
    kernels: [shiftSoftmax(instantiate), ...mveSoftmax(instantiate), dspSoftmax(instantiate), dspSoftmaxTable(instantiate), cmsisSoftmax, { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }],
  },
});
