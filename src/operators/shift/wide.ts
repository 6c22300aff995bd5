/** Convolutions of codes of more than 8 bits without multiplication: one window at a time, lists of taps with sums of 32 bits. */
import type { Codes, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import type { Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { cType, typeName } from '../views.js';
import { phaseConstants, phaseShape, type TransposedReader } from './conv2d-transpose.js';
import { classOffsets, convolutionLayer } from './layer.js';
import { transposedPhases } from './phases.js';
import { depthwiseLayer } from './plane.js';
import type { ShiftRequantize } from './requantize.js';
import { weightStream, WORD_ROOM } from './stream.js';

/** What the template walks: a stream, biases and steps of one plain convolution after the other. */
interface Windows {
  readonly t: LinearTensors;
  readonly stream: Uint8Array;
  readonly bias: Int32Array;
  readonly shapes: readonly (readonly number[])[];
  /** Codes of the largest window. */
  readonly taps: number;
  readonly classes: readonly KernelArgument[];
  readonly padding: KernelArgument;
}

function instanceOf(node: IntegerNode, { t, stream, bias, shapes, taps, classes, padding }: Windows): KernelInstance {
  const [clampMin, clampMax] = node.requantize!.clamp;
  return {
    family: 'shift',
    template: 'shift/conv2d-wide',
    stem: `${node.op.replace(/-/g, '_')}_${typeName(t.x.type)}_shift`,
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), phases: shapes.length, shapeLength: shapes[0]!.length, classes: classes.length > 0, clampMin, clampMax },
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
    scratchBytes: 2 * taps,
    scalars: ['clamp'],
  };
}

/** A convolution that is not transposed is its own and only phase. */
function plainWindows(node: IntegerNode, t: LinearTensors, g: Geometry, weights: Codes, { places, bias }: ShiftRequantize): Windows {
  const border = borderView(g, node);
  // Outputs follow each other without gaps.
  const dense = { ...g, strideHeight: 1, strideWidth: 1 };
  return {
    t,
    stream: weightStream(weights, places, WORD_ROOM),
    bias,
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

export const wideConv2d: Kernel = {
  family: 'shift',
  when: ({ graph, group }) => convolutionLayer(group[0]!, graph).requantize !== null,
  instantiate({ graph, group }) {
    const { t, g, weights, requantize } = convolutionLayer(group[0]!, graph);
    return instanceOf(group[0]!, plainWindows(group[0]!, t, g, weights, requantize!));
  },
};

export const wideDepthwiseConv2d: Kernel = {
  family: 'shift',
  when: ({ graph, group }) => depthwiseLayer(group[0]!, graph).requantize !== null,
  instantiate({ graph, group }) {
    const { t, g, requantize } = depthwiseLayer(group[0]!, graph);
    return instanceOf(group[0]!, plainWindows(group[0]!, t, g, spread(t.weightCodes, g), requantize!));
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
      const { weights, bias } = phaseConstants(node, { t, g }, WORD_ROOM)!;
      return instanceOf(node, {
        t,
        stream: weights,
        bias,
        shapes: phases.map((phase) => phaseShape(phase, g, 1)),
        taps: Math.max(1, ...phases.map(({ taps }) => taps.length * g.inputChannels)),
        classes: [],
        padding: { kind: 'constant', name: 'padding', data: new Int16Array(g.inputChannels).fill(inputZeroPointOf(node)) },
      });
    },
  };
}
