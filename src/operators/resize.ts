/**
 * Resizes an image [H, W, C] by nearest neighbour or linear interpolation, with ONNX's coordinate rules. Integer nodes
 * carry the result of those rules: `rows` and `columns` name the input element that each output element copies, or for
 * `linear` are [low, high, weight of high in units of 1/rowUnits or 1/columnUnits], so that the sum over four pixels is
 * exact and rounded once.
 */
import type { FloatNode } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, Requantize } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { integerAttribute, integersAttribute, shapeError, stringAttribute, type AttributedNode } from './attributes.js';
import { atScale, isTflite } from './codes.js';
import { roundHalfAway } from '../graph/lanes.js';
import { copyInstance, verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { expectInputs, expectRank, sampled, take, takeAll } from './float-tensors.js';
import { checkInteger, expectPerTensor, expectShape, integerGraphError, nodeTensors, scaledInterval } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import type { LowerContext } from './lower.js';
import { coordinateModes, exactTaps, linearTaps, nearestIndices, nearestModes, tfliteTaps, type FixedTaps, type LinearTap } from './resize-coordinates.js';
import { shiftResize } from './shift/rewritten.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

const modes = ['nearest', 'linear'] as const;
/** Units of both axes together: codes of the input times this stay below 2^30. */
function mostUnits(bits: number): number {
  return 2 ** (29 - bits);
}

function blend(x: tf.Tensor, taps: readonly LinearTap[], axis: 1 | 2): tf.Tensor {
  const shape = axis === 1 ? [1, taps.length, 1, 1] : [1, 1, taps.length, 1];
  const fraction = tf.tensor(taps.map((t) => t.fraction), shape);
  const low = take(x, taps.map((t) => t.low), axis);
  const high = take(x, taps.map((t) => t.high), axis);
  return tf.add(tf.mul(low, tf.sub(1, fraction)), tf.mul(high, fraction));
}

function nearestOf(node: AttributedNode, input: readonly number[]): readonly (readonly number[])[] {
  const coordinates = stringAttribute(node, 'coordinates', coordinateModes);
  const nearest = stringAttribute(node, 'nearestMode', nearestModes);
  return integersAttribute(node, 'sizes', 2).map((size, axis) => nearestIndices(input[axis]!, size, coordinates, nearest));
}

function lower(node: FloatNode, context: LowerContext): void {
  const plan = context.activation(node.outputs[0]!);
  const { shape } = context.float(node.inputs[0]!);
  const outputs = [context.output(node.outputs[0]!).id];
  const tflite = isTflite(context.arith);
  if (stringAttribute(node, 'mode', modes) === 'nearest') {
    const [rows, columns] = nearestOf(node, shape);
    const input = atScale(context, node.inputs[0]!, plan, node);
    context.emit({ op: 'resize', inputs: [input], outputs, attributes: { mode: 'nearest', rows: rows!, columns: columns! }, from: node });
    return;
  }
  const own = tflite ? plan : context.activation(node.inputs[0]!);
  const [rows, columns] = linearTapsOf(node, shape, tflite ? 'tflite' : own.bits);
  const units = rows.units * columns.units;
  const requantize = context.requantize([own.scale / units], plan);
  // TFLite sums plain codes in units of 2^-20 and rounds half away from zero.
  const tfliteRounding: Requantize = { mode: 'shift', shift: [20], rounding: 'halfAway', zeroPoint: 0, clamp: requantize.clamp };
  context.emit({
    op: 'resize',
    inputs: [tflite ? atScale(context, node.inputs[0]!, plan, node) : context.integer(node.inputs[0]!).id],
    outputs,
    attributes: { mode: 'linear', rows: rows.taps, columns: columns.taps, rowUnits: rows.units, columnUnits: columns.units, inputZeroPoint: tflite ? 0 : own.zeroPoint },
    requantize: tflite ? tfliteRounding : requantize,
    from: node,
  });
}

function linearTapsOf(node: FloatNode, shape: readonly number[], bits: number | 'tflite'): readonly [FixedTaps, FixedTaps] {
  const coordinates = stringAttribute(node, 'coordinates', coordinateModes);
  const sizes = integersAttribute(node, 'sizes', 2);
  if (bits === 'tflite') return [tfliteTaps(shape[0]!, sizes[0]!, coordinates), tfliteTaps(shape[1]!, sizes[1]!, coordinates)];
  const exact = [0, 1].map((axis) => exactTaps(shape[axis]!, sizes[axis]!, coordinates)) as [FixedTaps, FixedTaps];
  if (exact[0].units * exact[1].units <= mostUnits(bits)) return exact;
  const coarse = 2 ** Math.floor((29 - bits) / 2);
  return exact.map(({ taps, units }) => ({ units: coarse, taps: taps.map(([low, high, weight]) => [low, high, roundHalfAway((weight * coarse) / units)] as const) })) as unknown as [FixedTaps, FixedTaps];
}

type Taps = readonly (readonly [number, number, number])[];

function tapsAttribute(node: IntegerNode, name: 'rows' | 'columns', size: number): Taps {
  const value = node.attributes[name] as unknown as Taps;
  const isIndex = (i: number) => Number.isInteger(i) && i >= 0 && i < size;
  const good = Array.isArray(value) && value.every((t) => Array.isArray(t) && t.length === 3 && isIndex(t[0]) && isIndex(t[1]) && Number.isInteger(t[2]));
  if (!good) throw integerGraphError(node, `'${name}' must be [low, high, weight] for every output, low and high below ${size}`);
  return value;
}

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  if (x.shape.length !== 3) throw integerGraphError(node, `needs an input [height, width, channels], not [${x.shape.join(', ')}]`);
  if (stringAttribute(node, 'mode', modes) === 'nearest') {
    const lists = (['rows', 'columns'] as const).map((name) => checkInteger(node, () => integersAttribute(node, name)));
    if (lists.some((list, axis) => list.some((i) => i < 0 || i >= x.shape[axis]!))) throw integerGraphError(node, `'rows' or 'columns' leave the input [${x.shape.join(', ')}]`);
    return verifyCopy(node, graph, [lists[0]!.length, lists[1]!.length, x.shape[2]!]);
  }
  const [rows, columns] = [tapsAttribute(node, 'rows', x.shape[0]!), tapsAttribute(node, 'columns', x.shape[1]!)];
  expectShape(node, output, [rows.length, columns.length, x.shape[2]!]);
  verifyActivationType(node, x);
  verifyActivationType(node, output);
  integerAttribute(node, 'inputZeroPoint');
  if (integerAttribute(node, 'rowUnits') < 1 || integerAttribute(node, 'columnUnits') < 1) throw integerGraphError(node, 'units must be positive');
  expectPerTensor(node, output);
}

/** Weights of one output are products of two pairs; a pair on one pixel counts as its sum. */
function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const x = nodeTensors(node, graph, 1).inputs[0]!;
  if (stringAttribute(node, 'mode', modes) === 'nearest') return { accumulator: [x.codeRange], accumulatorBits: 32 };
  const reach = (['rows', 'columns'] as const).map((name, axis) => {
    const units = integerAttribute(node, axis === 0 ? 'rowUnits' : 'columnUnits');
    return Math.max(...tapsAttribute(node, name, x.shape[axis]!).map(([, , w]) => Math.abs(units - w) + Math.abs(w)));
  });
  const magnitude = Math.max(...x.codeRange.map((c) => Math.abs(c - integerAttribute(node, 'inputZeroPoint'))), ...x.codeRange.map(Math.abs));
  const [low, high] = scaledInterval([-magnitude, magnitude], 0, reach[0]! * reach[1]!);
  return { accumulator: [[low, high]], accumulatorBits: 32 };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const x = inputs[0]!;
  const [, width, channels] = x.shape as [number, number, number];
  if (stringAttribute(node, 'mode', modes) === 'nearest') {
    const rows = integersAttribute(node, 'rows').map((i) => i * width * channels);
    const columns = integersAttribute(node, 'columns').map((i) => i * channels);
    const plan = { base: 0, axes: [{ size: rows.length, offsets: rows }, { size: columns.length, offsets: columns }, { size: channels, stride: 1 }] };
    return { ...copyInstance('resize', node, graph, plan), template: 'resize-nearest', stem: `resize_${typeName(x.type)}_nearest` };
  }
  const [rows, columns] = [tapsAttribute(node, 'rows', x.shape[0]!), tapsAttribute(node, 'columns', width)];
  const rowUnits = integerAttribute(node, 'rowUnits');
  const columnUnits = integerAttribute(node, 'columnUnits');
  const flat = (taps: Taps, stride: number) => Int32Array.from(taps.flatMap(([low, high, weight]) => [low * stride, high * stride, weight]));
  return {
    family: 'portable',
    template: 'resize',
    stem: `resize_${typeName(x.type)}_linear`,
    view: {
      inputType: cType(x.type),
      outputType: cType(output.type),
      height: rows.length,
      width: columns.length,
      channels,
      rowUnits,
      columnUnits,
      offset: signedTerm(-integerAttribute(node, 'inputZeroPoint') * rowUnits * columnUnits),
      requantize: requantizeView(node.requantize!, node.bounds),
    },
    arguments: [
      { kind: 'input', tensor: x.id },
      { kind: 'output', tensor: output.id },
      { kind: 'constant', name: 'rows', data: flat(rows, width * channels) },
      { kind: 'constant', name: 'columns', data: flat(columns, channels) },
    ],
    scratchBytes: 0,
    scalars: requantizeScalars(node.requantize!, node.bounds),
  };
}

export const resize = defineOperator({
  name: 'resize',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      expectRank(node, inputs[0]!, 3, '[height, width, channels]');
      stringAttribute(node, 'mode', modes);
      stringAttribute(node, 'coordinates', coordinateModes);
      stringAttribute(node, 'nearestMode', nearestModes);
      const sizes = integersAttribute(node, 'sizes', 2);
      if (sizes.some((s) => s < 1)) throw shapeError(node, `sizes [${sizes.join(', ')}] must be positive`);
      return [[...sizes, inputs[0]!.shape[2]!]];
    },
    evaluate(node, context) {
      const x = sampled(context, 0);
      if (stringAttribute(node, 'mode', modes) === 'nearest') return [takeAll(x, nearestOf(node, x.shape.slice(1)))];
      const sizes = integersAttribute(node, 'sizes', 2);
      const coordinates = stringAttribute(node, 'coordinates', coordinateModes);
      const rows = blend(x, linearTaps(x.shape[1]!, sizes[0]!, coordinates), 1);
      return [blend(rows, linearTaps(x.shape[2]!, sizes[1]!, coordinates), 2)];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower,
  },
  integer: {
    verify,
    bounds,
    kernels: [shiftResize(instantiate), { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }],
  },
});
