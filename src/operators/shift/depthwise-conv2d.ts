/** depthwise-conv2d without multiplication: lists of taps over the plane of one channel after the other. */
import type { IntegerNode } from '../../graph/integer.js';
import { inPlaceInputs } from '../binary.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import { cType, typeName } from '../views.js';
import { lanesOf } from './layer.js';
import { type DepthwiseLayer, depthwiseLayer, type Plane, planeArguments, planeOf, tapPlaces } from './plane.js';
import { chooseForm } from './straight/choose.js';
import { straightDepthwise } from './straight/depthwise.js';
import { depthwiseListInstructions, modelledCore } from './straight/predict.js';
import { streamCounts, weightStream } from './stream.js';

/** Words that are summed together; registers of 8 bits hold no more than one. */
function wordsOf({ separateFlash }: KernelContext['features']): number {
  return separateFlash ? 1 : 4;
}

/** Weights of every output channel by their word's distance from the first. */
function spread({ t, g }: DepthwiseLayer, plane: Plane): Int16Array {
  const places = tapPlaces(g, plane);
  const span = Math.max(...places) + 1;
  const laid = new Int16Array(g.outputChannels * span);
  places.forEach((place, tap) => {
    for (let o = 0; o < g.outputChannels; o++) laid[o * span + place] = t.weightCodes[tap * g.outputChannels + o]!;
  });
  return laid;
}

export function listDepthwise({ graph, group, features }: KernelContext): KernelInstance {
  const node = group[0] as IntegerNode;
  const layer = depthwiseLayer(node, graph);
  const { t, g, room } = layer;
  const words = wordsOf(features);
  const plane = planeOf(g, words);
  const [clampMin, clampMax] = node.requantize!.clamp;
  const laid = spread(layer, plane);
  const core = modelledCore(features);
  return {
    family: 'shift',
    template: 'shift/depthwise-conv2d',
    stem: `depthwise_conv2d_${typeName(t.x.type)}_shift`,
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), lanes: lanesOf(words), words, wordShift: 0, windows: 2 * words, classes: borderView(g, node).classes, clampMin, clampMax },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weightStream(laid, layer.requantize!.places, room) },
      ...planeArguments(node, layer, plane),
    ],
    scratchBytes: 4 * plane.words,
    ...(core && { instructions: depthwiseListInstructions(g, plane, streamCounts(laid, g.outputChannels, room), core) }),
    scalars: ['clamp'],
    inPlace: inPlaceInputs({ ...node, inputs: [node.inputs[0]!] }, graph),
  };
}

export const shiftDepthwiseConv2d: Kernel = {
  family: 'shift',
  when({ graph, group }) {
    const { t, requantize } = depthwiseLayer(group[0]!, graph);
    return t.x.type.bits <= 8 && requantize !== null;
  },
  instantiate: (context) => chooseForm(context, listDepthwise(context), () => ({ unrolled: straightDepthwise(context), shared: null })),
};
