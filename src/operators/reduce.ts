/** Mean, sum or maximum over axes. On integers mean and sum are one sum with one rounding (1/n in the multiplier), max keeps the codes. */
import type { FloatNode } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, IntegerTensor, Requantize } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { booleanAttribute, integerAttribute, integersAttribute, normalizeAxis, shapeError, stringAttribute, type AttributedNode } from './attributes.js';
import { isTflite, lowerCopy } from './codes.js';
import { verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { dspReduce } from './dsp/reduce.js';
import { expectInputs, sampled } from './float-tensors.js';
import { checkInteger, expectPerTensor, expectShape, nodeTensors, scaledInterval } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import { collapseAxes, nestView, rowMajorStrides } from './loop-nest.js';
import type { LowerContext } from './lower.js';
import { mveReduce } from './mve/reduce.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

const functions = ['mean', 'sum', 'max'] as const;

function functionOf(node: AttributedNode): (typeof functions)[number] {
  return stringAttribute(node, 'function', functions);
}

function reducedAxes(node: AttributedNode, rank: number): readonly number[] {
  const axes = integersAttribute(node, 'axes').map((a) => normalizeAxis(node, a, rank));
  if (axes.length === 0 || new Set(axes).size !== axes.length) throw shapeError(node, `axes [${axes.join(', ')}] must be distinct and at least one`);
  return [...axes].sort((a, b) => a - b);
}

function reducedShape(node: AttributedNode, shape: readonly number[]): readonly number[] {
  functionOf(node);
  const axes = reducedAxes(node, shape.length);
  return booleanAttribute(node, 'keepDims') ? shape.map((d, i) => (axes.includes(i) ? 1 : d)) : shape.filter((_, i) => !axes.includes(i));
}

/** Elements behind one output. */
function reducedCount(node: AttributedNode, shape: readonly number[]): number {
  return reducedAxes(node, shape.length).reduce((n, axis) => n * shape[axis]!, 1);
}

function lower(node: FloatNode, context: LowerContext): void {
  const { shape } = context.float(node.inputs[0]!);
  const attributes = { function: functionOf(node), axes: reducedAxes(node, shape.length), keepDims: booleanAttribute(node, 'keepDims') };
  if (attributes.function === 'max') return lowerCopy(node, context, attributes);
  const own = context.activation(node.inputs[0]!);
  const count = attributes.function === 'mean' ? reducedCount(node, shape) : 1;
  const output = context.activation(node.outputs[0]!);
  context.emit({
    op: 'reduce',
    inputs: [context.integer(node.inputs[0]!).id],
    outputs: [context.output(node.outputs[0]!).id],
    attributes: { ...attributes, inputZeroPoint: own.zeroPoint },
    requantize: isTflite(context.arith) ? tfliteMean(context.requantize([own.scale], output), count) : context.requantize([own.scale / count], output),
    from: node,
  });
}

/** TFLite divides the integer multiplier by the number of elements, toward zero. Source: reference_ops QuantizedMeanOrSum. */
export function tfliteMean(requantize: Requantize, count: number): Requantize {
  if (requantize.mode !== 'tfliteDouble' && requantize.mode !== 'tfliteSingle') throw new RangeError(`TFLite's mean needs a tflite mode, not ${requantize.mode}`);
  const [multiplier, shift] = [requantize.multiplier[0]!, requantize.shift[0]!];
  const places = Math.min(Math.floor(Math.log2(count)), 32, 31 + shift);
  const divided = Number((BigInt(multiplier) << BigInt(places)) / BigInt(count));
  return { ...requantize, multiplier: [divided], shift: [shift - places] };
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const shape = checkInteger(node, () => reducedShape(node, inputs[0]!.shape));
  if (functionOf(node) === 'max') return verifyCopy(node, graph, shape);
  expectShape(node, output, shape);
  verifyActivationType(node, inputs[0]!);
  verifyActivationType(node, output);
  integerAttribute(node, 'inputZeroPoint');
  expectPerTensor(node, output);
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const x = nodeTensors(node, graph, 1).inputs[0]!;
  if (functionOf(node) === 'max') return { accumulator: [x.codeRange], accumulatorBits: 32 };
  return { accumulator: [scaledInterval(x.codeRange, integerAttribute(node, 'inputZeroPoint'), reducedCount(node, x.shape))], accumulatorBits: 32 };
}

/** Loops over the kept axes, and inside them over the reduced ones (variables r0, r1, …). */
function nests(node: IntegerNode, x: IntegerTensor) {
  const axes = reducedAxes(node, x.shape.length);
  const strides = rowMajorStrides(x.shape);
  const axis = (i: number) => ({ size: x.shape[i]!, strides: [strides[i]!] });
  const all = x.shape.map((_, i) => i);
  const outer = nestView(collapseAxes(all.filter((i) => !axes.includes(i)).map(axis)), [0]);
  const inner = nestView(collapseAxes(all.filter((i) => axes.includes(i)).map(axis)), [0]);
  const moved = (text: string) => text.replace(/\bi(\d)/g, 'r$1');
  const shift = outer.indent.slice(2);
  return {
    outer,
    inner: {
      loops: inner.loops.map((l) => ({ indent: shift + l.indent, variable: moved(l.variable), size: l.size })),
      closings: inner.closings.map((c) => shift + c),
      indent: shift + inner.indent,
      offsets: inner.offsets.map(moved),
    },
  };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  const name = functionOf(node);
  const common = { inputType: cType(x.type), outputType: cType(output.type), ...nests(node, x) };
  const args = [{ kind: 'input', tensor: x.id }, { kind: 'output', tensor: output.id }] as const;
  const stem = `reduce_${name}_${typeName(x.type)}`;
  if (name === 'max') return { family: 'portable', template: 'reduce-max', stem, view: common, arguments: args, scratchBytes: 0, scalars: [] };
  const offset = signedTerm(-integerAttribute(node, 'inputZeroPoint') * reducedCount(node, x.shape));
  return { family: 'portable', template: 'reduce', stem, view: { ...common, offset, requantize: requantizeView(node.requantize!, node.bounds) }, arguments: args, scratchBytes: 0, scalars: requantizeScalars(node.requantize!, node.bounds) };
}

export const reduce = defineOperator({
  name: 'reduce',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      return [reducedShape(node, inputs[0]!.shape)];
    },
    evaluate(node, context) {
      const x = sampled(context, 0);
      const axes = reducedAxes(node, x.rank - 1).map((a) => a + 1);
      const apply = { mean: tf.mean, sum: tf.sum, max: tf.max }[functionOf(node)];
      return [apply(x, axes, booleanAttribute(node, 'keepDims'))];
    },
    scaleRule: (node) => (functionOf(node) === 'max' ? { kind: 'same', inputs: [0] } : { kind: 'own' }),
    lower,
  },
  integer: {
    verify,
    bounds,
    kernels: [mveReduce(instantiate, reducedAxes), dspReduce(instantiate, reducedAxes), { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }],
  },
});
