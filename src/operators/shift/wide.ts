/** Convolutions without multiplication where words hold no two codes or sums no rounding: of codes of more than 8 bits, and near 32 bits. One window at a time, lists of taps with sums of 32 bits. */
import { type Codes, type IntegerGraph, type IntegerNode, laneBytes } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import type { Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import { cType, signedTerm, typeName } from '../views.js';
import { phaseConstants, phaseShape, type TransposedReader, zerosOf } from './conv2d-transpose.js';
import { classOffsets, convolutionLayer } from './layer.js';
import { transposedPhases } from './phases.js';
import { depthwiseLayer } from './plane.js';
import { type ListRequantize, listRequantize } from './requantize.js';
import { weightStream, WORD_ROOM } from './stream.js';

/** What the template walks: a stream, biases and steps of one plain convolution after the other. */
interface Windows extends Pick<ListRequantize, 'folded' | 'zeroPoint' | 'bias'> {
  readonly t: LinearTensors;
  readonly stream: Uint8Array;
  readonly shapes: readonly (readonly number[])[];
  /** Codes of the largest window. */
  readonly taps: number;
  readonly classes: readonly KernelArgument[];
  readonly padding: KernelArgument;
}

function instanceOf(node: IntegerNode, { t, stream, bias, folded, zeroPoint, shapes, taps, classes, padding }: Windows): KernelInstance {
  const [clampMin, clampMax] = node.requantize!.clamp;
  return {
    family: 'shift',
    template: 'shift/conv2d-wide',
    stem: `${node.op.replace(/-/g, '_')}_${typeName(t.x.type)}_shift`,
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), phases: shapes.length, shapeLength: shapes[0]!.length, classes: classes.length > 0, folded, zeroPointTerm: signedTerm(zeroPoint), clampMin, clampMax },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: stream },
      { kind: 'constant', name: 'bias', data: bias },
      ...classes,
      padding,
      { kind: 'constant', name: 'shape', data: Int32Array.from(shapes.flat()) },
      { kind: 'scratch' },
    ],
    scratchBytes: laneBytes(t.x.type) * taps,
    scalars: folded ? ['clamp'] : ['shiftHalfUp', 'clamp'],
  };
}

/** A convolution that is not transposed is its own and only phase. */
function plainWindows(node: IntegerNode, t: LinearTensors, g: Geometry, weights: Codes, { places, bias, folded, zeroPoint }: ListRequantize): Windows {
  const border = borderView(g, node);
  // Outputs follow each other without gaps.
  const dense = { ...g, strideHeight: 1, strideWidth: 1 };
  return {
    t,
    stream: weightStream(weights, places, WORD_ROOM),
    bias,
    folded,
    zeroPoint,
    shapes: [phaseShape({ geometry: g, taps: [], top: 0, left: 0 }, dense, 1)],
    taps: g.kernelHeight * g.kernelWidth * g.inputChannels,
    classes: border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : [],
    padding: paddingArgument(g, node, t.x.type),
  };
}

/** Weights of every output channel over the whole window; those of other channels are 0, which take no tap. */
function spread(codes: Codes, g: Geometry): Int16Array {
  const taps = g.kernelHeight * g.kernelWidth;
  const multiplier = g.outputChannels / g.inputChannels;
  const laid = new Int16Array(g.outputChannels * taps * g.inputChannels);
  codes.forEach((code, i) => {
    const [tap, o] = [Math.floor(i / g.outputChannels), i % g.outputChannels];
    laid[(o * taps + tap) * g.inputChannels + Math.floor(o / multiplier)] = code;
  });
  return laid;
}

function convolutionRequantize(node: IntegerNode, graph: IntegerGraph): ListRequantize | null {
  const { t, g, weights } = convolutionLayer(node, graph);
  return listRequantize(node, t, rowSums(weights, g.outputChannels));
}

function depthwiseRequantize(node: IntegerNode, graph: IntegerGraph): ListRequantize | null {
  const { t, g } = depthwiseLayer(node, graph);
  return listRequantize(node, t, rowSums(spread(t.weightCodes, g), g.outputChannels));
}

export const wideConv2d: Kernel = {
  family: 'shift',
  when: ({ graph, group }) => convolutionRequantize(group[0]!, graph) !== null,
  instantiate({ graph, group }) {
    const { t, g, weights } = convolutionLayer(group[0]!, graph);
    return instanceOf(group[0]!, plainWindows(group[0]!, t, g, weights, convolutionRequantize(group[0]!, graph)!));
  },
};

export const wideDepthwiseConv2d: Kernel = {
  family: 'shift',
  when: ({ graph, group }) => depthwiseRequantize(group[0]!, graph) !== null,
  instantiate({ graph, group }) {
    const { t, g } = depthwiseLayer(group[0]!, graph);
    return instanceOf(group[0]!, plainWindows(group[0]!, t, g, spread(t.weightCodes, g), depthwiseRequantize(group[0]!, graph)!));
  },
};

export function wideTransposed(read: TransposedReader): Kernel {
  return {
    family: 'shift',
    when: ({ graph, group }: KernelContext) => phaseConstants(group[0]!, read(group[0]!, graph), WORD_ROOM) !== null,
    instantiate({ graph, group }) {
      const node = group[0]!;
      const { t, g } = read(node, graph);
      const phases = transposedPhases(g);
      const { weights, bias, folded, zeroPoint } = phaseConstants(node, { t, g }, WORD_ROOM)!;
      return instanceOf(node, {
        t,
        stream: weights,
        bias,
        folded,
        zeroPoint,
        shapes: phases.map((phase) => phaseShape(phase, g, 1)),
        taps: Math.max(1, ...phases.map(({ taps }) => taps.length * g.inputChannels)),
        classes: [],
        padding: { kind: 'constant', name: 'padding', data: zerosOf(t, g).fill(inputZeroPointOf(node)) },
      });
    },
  };
}
