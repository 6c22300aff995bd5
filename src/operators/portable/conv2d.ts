/** conv2d on cores without SIMD: four windows at a time, two in each word. */
import { elementCount } from '../../graph/float.js';
import type { Codes, IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { type BorderView, borderView, classArguments, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { foldedBias, linearStem, rowSums } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { type PackedBits, packedBitsOf } from '../packing.js';
import { packedStep, packedTaps, packedWeights } from './packed-pairs.js';
import { fitsPairs, PAIR_WINDOWS, pairTaps, pairWeights } from './pairs.js';
import { type PortableRequantize, portableRequantize } from './requantize.js';

/** Below this gathering a window costs more than the products save. */
const LEAST_CHANNELS = 4;

function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

/** How the weights lie in flash and how a pass of the inner loop takes them. */
interface Layout {
  readonly taps: number;
  readonly weights: Codes;
  readonly view: object;
}

function plainLayout(t: LinearTensors, depth: number, outputs: number, block: number): Layout {
  // Two channels fill the registers with one step; one channel has room for two.
  const steps = (block === 2 ? [0] : [0, 1]).map((step) => stepView(step, block));
  return { taps: pairTaps(depth), weights: pairWeights(t, outputs, block), view: { isPacked: false, weightType: 'int8_t', steps, stepWords: 4 * steps.length, stepWeights: 2 * block * steps.length } };
}

function packedLayout(t: LinearTensors, depth: number, outputs: number, block: number, bits: PackedBits, lowRegisters: boolean): Layout {
  const step = packedStep(bits, depth, block, lowRegisters);
  const taps = packedTaps(depth, step);
  return { taps, weights: packedWeights(t, outputs, block, taps, bits), view: { isPacked: true, weightType: 'int32_t', ...step } };
}

/** Bits of packed weights, null where they lie in bytes. */
function packedBits({ weights }: KernelContext, t: LinearTensors): PackedBits | null {
  return weights === 'packed' ? packedBitsOf(t.weightCodes) : null;
}

function instantiate(context: KernelContext): KernelInstance {
  const { graph, group, features } = context;
  const [node] = group as readonly [IntegerNode];
  const { t, g } = read(node, graph);
  const border = borderView(g, node);
  const depth = elementCount(t.weights.shape) / g.outputChannels;
  const block = !features.lowRegisters && features.manyRegisters && g.outputChannels % 2 === 0 ? 2 : 1;
  const bits = packedBits(context, t);
  const layout = bits === null ? plainLayout(t, depth, g.outputChannels, block) : packedLayout(t, depth, g.outputChannels, block, bits, features.lowRegisters === true);
  const { taps } = layout;
  const adjacent = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth].every((n) => n === 1) && !border.padded && !border.classes;
  const bias = foldedBias(node, t, rowSums(t.weightCodes, g.outputChannels));
  // Where the bias depends on the place, the kernel adds it from a table of its own.
  const requantize = portableRequantize(node, features, border.classes ? new Int32Array(g.outputChannels) : bias);
  const view = {
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    lanes: Array.from({ length: block }, (_, index) => laneView(index)),
    block,
    ...layout.view,
    assembly: features.lowRegisters === true,
    assemblyCodes: features.lowRegisters === true && writesBytes(t, node) && requantize.view.isShort && !requantize.view.isUniform && !border.classes,
    adjacent,
    classes: border.classes,
    padded: border.padded,
    requantize: requantize.view,
  };
  return {
    family: 'portable',
    template: 'portable/conv2d-pairs',
    stem: linearStem('conv2d', t, node, bits === null ? 'pairs' : `pairs_packed${bits}`),
    view,
    arguments: argumentsOf(node, t, g, { taps, weights: layout.weights, bias, requantize, ...border }),
    scratchBytes: PAIR_WINDOWS * 2 * taps,
    scalars: requantize.scalars,
    overlap: slidingOverlap(g, t.x, t.y, { pixels: PAIR_WINDOWS }),
  };
}

/** Two taps of a pass of the inner loop: places of their words and, for each channel of a block, of their weights. */
function stepView(step: number, block: number): object {
  const lanes = Array.from({ length: block }, (_, index) => {
    const weight = 2 * (block * step + index);
    return { ...laneView(index), first: `first${step}${index}`, second: `second${step}${index}`, weight0: weight, weight1: weight + 1 };
  });
  return { x0: 4 * step, x1: 4 * step + 1, x2: 4 * step + 2, x3: 4 * step + 3, lanes };
}

/** Codes are saturated to signed bytes. */
function writesBytes({ y }: LinearTensors, node: IntegerNode): boolean {
  const [low, high] = node.requantize!.clamp;
  return low === -128 && high === 127 && y.type.bits === 8;
}

/** One channel of a block: names of its sums. */
function laneView(index: number): object {
  return {
    index,
    upper0: `upper${index}0`,
    both0: `both${index}0`,
    upper1: `upper${index}1`,
    both1: `both${index}1`,
    sums: `sums${index}`,
    sum: `sum${index}`,
    channel: index === 0 ? 'channel' : `channel + ${index}`,
  };
}

interface Parts {
  readonly taps: number;
  readonly weights: Codes;
  readonly bias: Int32Array;
  readonly requantize: PortableRequantize;
}

function argumentsOf(node: IntegerNode, t: LinearTensors, g: Geometry, { taps, weights, bias, requantize, classes, padded, columnClasses }: BorderView & Parts): readonly KernelArgument[] {
  const sizes = [
    g.outputHeight, g.outputWidth, g.outputChannels, g.inputHeight, g.inputWidth, g.inputChannels, g.kernelHeight, g.kernelWidth,
    g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, g.padTop, g.padLeft, taps, node.requantize!.zeroPoint,
    columnClasses,
  ];
  return [
    { kind: 'input', tensor: node.inputs[0]! },
    { kind: 'output', tensor: node.outputs[0]! },
    { kind: 'constant', name: 'weights', data: weights, alignment: 4 },
    ...(classes ? [{ kind: 'constant', name: 'class_bias', data: bias } as const] : []),
    ...classArguments(node),
    ...(padded ? [paddingArgument(g, node, t.x.type)] : []),
    ...requantize.arguments,
    { kind: 'constant', name: 'shape', data: Int32Array.from(sizes) },
    { kind: 'scratch' },
  ];
}

/** Sizes are data, so that all layers share one function. */
const pairs: Kernel = {
  family: 'portable',
  when({ graph, group }) {
    const [node] = group as readonly [IntegerNode];
    const { t, g } = read(node, graph);
    const isNarrow = t.x.type.bits <= 8 && t.weights.type.bits <= 8;
    const isLarge = g.outputHeight * g.outputWidth >= PAIR_WINDOWS && g.outputChannels >= LEAST_CHANNELS;
    return isNarrow && isLarge && integerAttribute(node, 'groups', 1) === 1 && fitsPairs(t, node, g.inputChannels, g.outputChannels);
  },
  instantiate,
};

export const portablePairs: readonly Kernel[] = [pairs];
