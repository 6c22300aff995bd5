/** Depthwise convolution: output channel c·multiplier + m sums over the window of input channel c alone. */
import type { Codes, SimKernel } from '../kernel.js';
import { requantizer } from '../requantize.js';
import { constant, shapeOf } from './weighted.js';
import { biasClassOf, convolutionSources, paddingCodes } from './window.js';

export const depthwiseConv2d: SimKernel = (node, graph) => {
  const [inputHeight, inputWidth, inputChannels] = shapeOf(graph, node.inputs[0]!) as [number, number, number];
  const [kernelHeight, kernelWidth, , multiplier] = shapeOf(graph, node.inputs[1]!) as [number, number, number, number];
  const [outputHeight, outputWidth, outputChannels] = shapeOf(graph, node.outputs[0]!) as [number, number, number];
  const zeroPoint = node.attributes['inputZeroPoint'] as number;
  const weights = Int16Array.from(constant(graph, node.inputs[1]!));
  const bias = constant(graph, node.inputs[2]!);
  const taps = kernelHeight * kernelWidth;
  const sources = convolutionSources(node, { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth });
  const outside = paddingCodes(node, inputChannels);
  const biasClass = biasClassOf(node, outputWidth);
  const code = requantizer(node.requantize!);
  const sums = new Int32Array(outputChannels);
  const addTap = multiplier === 1 ? addChannels : addMultiplied;
  return ([x], [y], accumulators) => {
    for (let pixel = 0, to = 0; pixel < outputHeight * outputWidth; pixel++, to += outputChannels) {
      const from = biasClass(pixel) * outputChannels;
      for (let c = 0; c < outputChannels; c++) sums[c] = bias[from + c]!;
      for (let tap = 0; tap < taps; tap++) {
        const source = sources[pixel * taps + tap]!;
        if (source < 0) addTap(sums, outside, 0, weights, tap * outputChannels, zeroPoint, multiplier);
        else addTap(sums, x!, source * inputChannels, weights, tap * outputChannels, zeroPoint, multiplier);
      }
      for (let c = 0; c < outputChannels; c++) y![to + c] = code(sums[c]!, c);
      if (accumulators) accumulators.set(sums, to);
    }
  };
};

function addChannels(sums: Int32Array, x: Codes, from: number, weights: Int16Array, w: number, zeroPoint: number): void {
  for (let c = 0; c < sums.length; c++) sums[c] = (sums[c]! + Math.imul(x[from + c]! - zeroPoint, weights[w + c]!)) | 0;
}

function addMultiplied(sums: Int32Array, x: Codes, from: number, weights: Int16Array, w: number, zeroPoint: number, multiplier: number): void {
  for (let c = 0, o = 0; o < sums.length; c++) {
    const value = x[from + c]! - zeroPoint;
    for (let m = 0; m < multiplier; m++, o++) sums[o] = (sums[o]! + Math.imul(value, weights[w + o]!)) | 0;
  }
}
