/** Pools and reductions of bytes on Helium: sums of 8 and maxima of 16 channels an instruction. */
import type { IntegerGraph, IntegerNode, IntegerTensor } from '../../graph/integer.js';
import { booleanAttribute, integerAttribute } from '../attributes.js';
import { clampAttribute, nodeTensors } from '../integer-checks.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { type PoolGeometryView, poolGeometryView } from '../pool-window.js';
import { cType, typeName } from '../views.js';
import { type Division, divisionBy } from './division.js';
import { endView, isBytes, vectorView } from './products.js';
import { type VectorRequantize, vectorRequantize } from './requantize.js';

/** Most taps whose sum fits 16 bits: 256·−128 = −2^15, 256·255 < 2^16. */
export const MOST_TAPS = 256;
/** Channels of a vector of sums; of two of them, or of one of maxima. */
const SUM_LANES = 8;
const LANES = 16;

function geometryOf(node: IntegerNode, graph: IntegerGraph): { readonly g: PoolGeometryView; readonly x: IntegerTensor; readonly y: IntegerTensor } {
  const { inputs, output } = nodeTensors(node, graph, 1);
  return { g: poolGeometryView(node, inputs[0]!.shape, output.shape), x: inputs[0]!, y: output };
}

interface Body {
  readonly suffix: string;
}

/** Fields of the function that sums windows; its name tells them all. */
export function sumsView<T extends Body>(x: IntegerTensor, channels: number, end: T) {
  const few = channels < LANES;
  return {
    ...end,
    suffix: `${x.type.signed ? 's8' : 'u8'}_${end.suffix}${few ? '_few' : ''}`,
    few,
    lane: x.type.signed ? 's16' : 'u16',
    isSigned: x.type.signed,
    sums: few ? [{ sum: 'q0', value: 'q2', at: 0 }] : [{ sum: 'q0', value: 'q2', at: 0 }, { sum: 'q1', value: 'q3', at: SUM_LANES }],
  };
}

/** How sums become codes, requantized. */
export function rescaledEnd(requantize: VectorRequantize, y: IntegerTensor, scaled: boolean) {
  const end = vectorView(requantize, y);
  return { ...end, suffix: `${end.suffix}${scaled ? '_scaled' : ''}`, tflite: false, scaled, vectors: ['q2', 'q3'], multipliers: 'q4', shifts: 'q5' };
}

/** TFLite's mean: the sum over the number of taps, half away from zero; one division for every number that occurs. */
function divisions(node: IntegerNode, graph: IntegerGraph): readonly Division[] | null {
  const { g, x } = geometryOf(node, graph);
  const counts = Array.from({ length: g.padded ? g.kernelHeight * g.kernelWidth : 1 }, (_, i) => (g.padded ? i + 1 : g.kernelHeight * g.kernelWidth));
  const largest = Math.max(...x.codeRange.map(Math.abs));
  const list = counts.map((count) => divisionBy(count, count * largest));
  return list.every((division) => division !== null) ? list : null;
}

function fits({ features, graph, group: [node] }: KernelContext): boolean {
  const { g, x, y } = geometryOf(node!, graph);
  return features.mve && isBytes(x) && isBytes(y) && g.kernelHeight * g.kernelWidth <= MOST_TAPS && g.channels > 1;
}

function tfliteInstance({ graph, group: [node] }: KernelContext): KernelInstance {
  const { g, x, y } = geometryOf(node!, graph);
  const [low, high] = clampAttribute(node!, y);
  // A mean lies between the codes that it is of.
  const clamped = low > x.codeRange[0] || high < x.codeRange[1];
  const body = sumsView(x, g.channels, { tflite: true, clamped, suffix: `mean${clamped ? '_clamped' : ''}` });
  const table = divisions(node!, graph)!;
  return instance('mve/average-pool2d', `average_pool2d_${typeName(x.type)}_tflite_mve`, body, g, [x, y], {
    tflite: true,
    division: table[0],
    low,
    high,
  }, g.padded ? [{ kind: 'constant', name: 'divisions', data: Int32Array.from(table.flatMap(({ multiplier, addend, shift }) => [multiplier, addend, 0 - shift])) }] : []);
}

function rescaledInstance({ graph, group: [node] }: KernelContext): KernelInstance {
  const { g, x, y } = geometryOf(node!, graph);
  const requantize = vectorRequantize(node!, 1)!;
  const scaled = g.padded && !booleanAttribute(node!, 'countIncludePad');
  const body = sumsView(x, g.channels, rescaledEnd(requantize, y, scaled));
  const zeroPoint = integerAttribute(node!, 'inputZeroPoint');
  return instance('mve/average-pool2d', `average_pool2d_${typeName(x.type)}_mve`, body, g, [x, y], {
    tflite: false,
    scaled,
    rowUnits: integerAttribute(node!, 'rowUnits'),
    columnUnits: integerAttribute(node!, 'columnUnits'),
    inputZeroPoint: zeroPoint,
    offset: -zeroPoint * g.kernelHeight * g.kernelWidth,
    ...endView(requantize),
    ...requantize.channels[0],
  });
}

function instance(template: string, stem: string, body: Body, g: PoolGeometryView, [x, y]: readonly [IntegerTensor, IntegerTensor], fields: object, more: readonly KernelArgument[] = []): KernelInstance {
  const isSum = template !== 'mve/max-pool2d';
  return {
    family: 'mve',
    template,
    stem,
    view: { ...g, inputType: cType(x.type), outputType: cType(y.type), body: `ptq_mve_${isSum ? 'sums' : 'maxima'}_${body.suffix}`, ...wholeRows(g), ...fields },
    arguments: [{ kind: 'input', tensor: x.id }, { kind: 'output', tensor: y.id }, ...more],
    scratchBytes: 0,
    scalars: [],
    support: [{ template: 'mve/window-job', view: {} }, { template: isSum ? 'mve/window-sums' : 'mve/window-maxima', view: body }],
  };
}

/** A window that spans the whole width is one row of taps. */
function wholeRows(g: PoolGeometryView): { readonly rows: number; readonly columns: number } {
  return !g.padded && g.rowSkip === 0 ? { rows: 1, columns: g.kernelHeight * g.kernelWidth } : { rows: g.kernelHeight, columns: g.kernelWidth };
}

export const mveAveragePool: Kernel = {
  family: 'mve',
  when(context) {
    const node = context.group[0]!;
    if (!fits(context)) return false;
    return node.attributes['variant'] === 'tflite' ? divisions(node, context.graph) !== null : vectorRequantize(node, 1) !== null;
  },
  instantiate: (context) => (context.group[0]!.attributes['variant'] === 'tflite' ? tfliteInstance(context) : rescaledInstance(context)),
};

/** Fields of the function that takes maxima. */
export function maximaView(x: IntegerTensor, channels: number, clamped: boolean) {
  const few = channels < LANES;
  const lane = x.type.signed ? 's8' : 'u8';
  return { suffix: `${lane}${clamped ? '_clamped' : ''}${few ? '_few' : ''}`, few, lane, clamped };
}

export const mveMaxPool: Kernel = {
  family: 'mve',
  when(context) {
    const { g, x } = geometryOf(context.group[0]!, context.graph);
    return context.features.mve && isBytes(x) && g.channels > 1;
  },
  instantiate({ graph, group: [node] }) {
    const { g, x, y } = geometryOf(node!, graph);
    const [low, high] = clampAttribute(node!, y);
    const body = maximaView(x, g.channels, low > x.codeRange[0] || high < x.codeRange[1]);
    return instance('mve/max-pool2d', `max_pool2d_${typeName(x.type)}_mve`, body, g, [x, y], { low, high });
  },
};
