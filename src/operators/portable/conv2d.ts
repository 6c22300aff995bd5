/** conv2d on cores without SIMD: four windows at a time, two in each word. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { integerAttribute } from '../attributes.js';
import { type BorderView, borderView, classArguments, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { foldedBias, linearStem, rowSums } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { cType } from '../views.js';
import { fitsPairs, PAIR_WINDOWS, pairTaps, pairWeights } from './pairs.js';
import { type PortableRequantize, portableRequantize } from './requantize.js';

/** Below this gathering a window costs more than the products save. */
const LEAST_CHANNELS = 4;

function read(node: IntegerNode, graph: IntegerGraph): { readonly t: LinearTensors; readonly g: Geometry } {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width] = t.weights.shape as [number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

function instantiate({ graph, group, features }: KernelContext): KernelInstance {
  const [node] = group as readonly [IntegerNode];
  const { t, g } = read(node, graph);
  const border = borderView(g, node);
  const depth = elementCount(t.weights.shape) / g.outputChannels;
  const taps = pairTaps(depth);
  const block = !features.lowRegisters && features.manyRegisters && g.outputChannels % 2 === 0 ? 2 : 1;
  // Two channels fill the registers with one step; one channel has room for two.
  const steps = (block === 2 ? [0] : [0, 1]).map((step) => stepView(step, block));
  const adjacent = [g.kernelHeight, g.kernelWidth, g.strideHeight, g.strideWidth].every((n) => n === 1) && !border.padded && !border.classes;
  const bias = foldedBias(node, t, rowSums(t.weightCodes, g.outputChannels));
  // Where the bias depends on the place, the kernel adds it from a table of its own.
  const requantize = portableRequantize(node, features, border.classes ? new Int32Array(g.outputChannels) : bias);
  const view = {
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    lanes: Array.from({ length: block }, (_, index) => laneView(index)),
    block,
    steps,
    stepWords: 4 * steps.length,
    stepWeights: 2 * block * steps.length,
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
    stem: linearStem('conv2d', t, node, 'pairs'),
    view,
    arguments: argumentsOf(node, t, g, { taps, block, bias, requantize, ...border }),
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
  readonly block: number;
  readonly bias: Int32Array;
  readonly requantize: PortableRequantize;
}

function argumentsOf(node: IntegerNode, t: LinearTensors, g: Geometry, { taps, block, bias, requantize, classes, padded, columnClasses }: BorderView & Parts): readonly KernelArgument[] {
  const sizes = [
    g.outputHeight, g.outputWidth, g.outputChannels, g.inputHeight, g.inputWidth, g.inputChannels, g.kernelHeight, g.kernelWidth,
    g.strideHeight, g.strideWidth, g.dilationHeight, g.dilationWidth, g.padTop, g.padLeft, taps, node.requantize!.zeroPoint,
    columnClasses,
  ];
  return [
    { kind: 'input', tensor: node.inputs[0]! },
    { kind: 'output', tensor: node.outputs[0]! },
    { kind: 'constant', name: 'weights', data: pairWeights(t, g.outputChannels, block), alignment: 4 },
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
