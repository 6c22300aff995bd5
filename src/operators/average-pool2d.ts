/**
 * Mean over windows, of the real pixels alone or (countIncludePad) of the padded window. Two integer forms:
 * - `tflite`: input and output at one scale, the sum of codes divided by the number of real pixels, half away from zero.
 * - `dyadic`: one rounding. Sums over fewer taps are first multiplied by the exact integer rowUnits/rows ·
 *   columnUnits/columns, so that every sum has the divisor rowUnits·columnUnits, which is folded into the multiplier.
 */
import type { FloatNode } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { activationAttribute, booleanAttribute, integerAttribute, stringAttribute } from './attributes.js';
import { cmsisAveragePool2d } from './cmsis-nn/pool.js';
import { atScale, isTflite } from './codes.js';
import { defineOperator, type EvaluateContext } from './definition.js';
import { dspAveragePool } from './dsp/pools.js';
import { applyActivation, expectInputs, sampled } from './float-tensors.js';
import { checkInteger, clampAttribute, expectPerTensor, expectShape, integerGraphError, nodeTensors, scaledInterval } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import type { LowerContext } from './lower.js';
import { mveAveragePool } from './mve/pools.js';
import { poolGeometryView, poolShape, poolWindow, validTaps } from './pool-window.js';
import { shiftAveragePool } from './shift/pools.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

const variants = ['tflite', 'dyadic'] as const;

function evaluate(node: FloatNode, context: EvaluateContext): readonly tf.Tensor[] {
  const window = poolWindow(node);
  const { kernel, strides, pad } = window;
  const x = sampled(context, 0) as tf.Tensor4D;
  const isPadded = pad.some((p) => p > 0);
  const padded = isPadded ? tf.pad(x, [[0, 0], [pad[0], pad[1]], [pad[2], pad[3]], [0, 0]]) : x;
  // XNNPACK knows no pool of one pixel
  const pooled = kernel[0] * kernel[1] === 1
    ? tf.stridedSlice(padded, [0, 0, 0, 0], padded.shape, [1, ...strides, 1])
    : tf.avgPool(padded as tf.Tensor4D, [...kernel], [...strides], 'valid');
  const shape = context.inputs[0]!.shape;
  const [height, width] = context.outputShapes[0] as [number, number];
  if (!isPadded || booleanAttribute(node, 'countIncludePad')) return [applyActivation(pooled, activationAttribute(node))];
  const rows = validTaps(window, 0, shape[0]!, height).map((n) => kernel[0] / n);
  const columns = validTaps(window, 1, shape[1]!, width).map((n) => kernel[1] / n);
  const corrected = tf.mul(tf.mul(pooled, tf.tensor4d(rows, [1, height, 1, 1])), tf.tensor4d(columns, [1, 1, width, 1]));
  return [applyActivation(corrected, activationAttribute(node))];
}

function lower(node: FloatNode, context: LowerContext): void {
  const { kernel, strides, pad } = poolWindow(node);
  const plan = context.activation(node.outputs[0]!);
  const activation = activationAttribute(node) ?? undefined;
  const isPadded = pad.some((p) => p > 0);
  const countIncludePad = isPadded && booleanAttribute(node, 'countIncludePad');
  if (isTflite(context.arith) && !countIncludePad) {
    const input = atScale(context, node.inputs[0]!, plan, node);
    const { clamp } = context.requantize([plan.scale], plan, activation);
    context.emit({ op: 'average-pool2d', inputs: [input], outputs: [context.output(node.outputs[0]!).id], attributes: { variant: 'tflite', kernel, strides, pad, clamp }, from: node });
    return;
  }
  const own = context.activation(node.inputs[0]!);
  const shape = context.float(node.inputs[0]!).shape;
  const output = context.float(node.outputs[0]!).shape;
  const units = ([0, 1] as const).map((axis) => (countIncludePad ? kernel[axis] : leastCommonMultiple(validTaps({ kernel, strides, pad }, axis, shape[axis]!, output[axis]!))));
  context.emit({
    op: 'average-pool2d',
    inputs: [context.integer(node.inputs[0]!).id],
    outputs: [context.output(node.outputs[0]!).id],
    attributes: { variant: 'dyadic', kernel, strides, pad, countIncludePad, inputZeroPoint: own.zeroPoint, rowUnits: units[0]!, columnUnits: units[1]! },
    requantize: context.requantize([own.scale / (units[0]! * units[1]!)], plan, activation),
    from: node,
  });
}

function leastCommonMultiple(numbers: readonly number[]): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  return numbers.reduce((l, n) => (l / divisor(l, n)) * n, 1);
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  expectShape(node, output, checkInteger(node, () => poolShape(node, x.shape)));
  verifyActivationType(node, x);
  verifyActivationType(node, output);
  if (checkInteger(node, () => stringAttribute(node, 'variant', variants)) === 'tflite') {
    if (cType(x.type) !== cType(output.type)) throw integerGraphError(node, 'variant tflite keeps the type');
    clampAttribute(node, output);
    return;
  }
  expectPerTensor(node, output);
  integerAttribute(node, 'inputZeroPoint');
  const window = poolWindow(node);
  (['rowUnits', 'columnUnits'] as const).forEach((name, axis) => {
    const units = integerAttribute(node, name);
    const taps = booleanAttribute(node, 'countIncludePad') ? [units] : validTaps(window, axis as 0 | 1, x.shape[axis]!, output.shape[axis]!);
    if (units < 1 || taps.some((n) => units % n !== 0)) throw integerGraphError(node, `'${name}' ${units} is no multiple of every number of taps`);
  });
}

function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  const window = poolWindow(node);
  const [rows, columns] = ([0, 1] as const).map((axis) => new Set(validTaps(window, axis, x.shape[axis]!, output.shape[axis]!))) as [Set<number>, Set<number>];
  const tflite = node.attributes['variant'] === 'tflite';
  const zeroPoint = tflite ? 0 : integerAttribute(node, 'inputZeroPoint');
  const intervals = [...rows].flatMap((r) => [...columns].map((c) => {
    const exclusive = !tflite && !booleanAttribute(node, 'countIncludePad');
    const taps = exclusive ? integerAttribute(node, 'rowUnits') * integerAttribute(node, 'columnUnits') : r * c;
    return scaledInterval(x.codeRange, zeroPoint, taps);
  }));
  return { accumulator: [[Math.min(...intervals.map((i) => i[0])), Math.max(...intervals.map((i) => i[1]))]], accumulatorBits: 32 };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  const geometry = poolGeometryView(node, x.shape, output.shape);
  const common = { inputType: cType(x.type), outputType: cType(output.type), ...geometry };
  const args = [{ kind: 'input', tensor: x.id }, { kind: 'output', tensor: output.id }] as const;
  if (node.attributes['variant'] === 'tflite') {
    const [low, high] = clampAttribute(node, output);
    const view = { ...common, low, high, taps: geometry.kernelHeight * geometry.kernelWidth };
    return { family: 'portable', template: 'average-pool2d-tflite', stem: `average_pool2d_${typeName(x.type)}_tflite`, view, arguments: args, scratchBytes: 0, scalars: ['averageHalfAway', 'clamp'] };
  }
  const zeroPoint = integerAttribute(node, 'inputZeroPoint');
  const view = {
    ...common,
    scaled: geometry.padded && !booleanAttribute(node, 'countIncludePad'),
    rowUnits: integerAttribute(node, 'rowUnits'),
    columnUnits: integerAttribute(node, 'columnUnits'),
    zeroPoint,
    hasZeroPoint: zeroPoint !== 0,
    offset: signedTerm(-zeroPoint * geometry.kernelHeight * geometry.kernelWidth),
    requantize: requantizeView(node.requantize!, node.bounds),
  };
  return { family: 'portable', template: 'average-pool2d', stem: `average_pool2d_${typeName(x.type)}`, view, arguments: args, scratchBytes: 0, scalars: requantizeScalars(node.requantize!, node.bounds) };
}

export const averagePool2d = defineOperator({
  name: 'average-pool2d',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      booleanAttribute(node, 'countIncludePad');
      return [poolShape(node, inputs[0]!.shape)];
    },
    evaluate,
    // TFLite averages codes: its average pool never rescales.
    scaleRule: (node, arith) => (isTflite(arith) && !booleanAttribute(node, 'countIncludePad') ? { kind: 'same', inputs: [0] } : { kind: 'own' }),
    lower,
  },
  integer: {
    verify,
    bounds,
    kernels: [shiftAveragePool(instantiate), mveAveragePool, dspAveragePool(instantiate), cmsisAveragePool2d, { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }],
  },
});
