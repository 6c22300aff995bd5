/** Convolution: Σ w·(x − inputZeroPoint) + bias, with groups, dilations, codes of padding and bias classes. */
import type { SimKernel } from '../kernel.js';
import { shapeOf, windowKernel } from './weighted.js';
import { biasClassOf, convolutionSources, paddingCodes } from './window.js';

export const conv2d: SimKernel = (node, graph) => {
  const [inputHeight, inputWidth, inputChannels] = shapeOf(graph, node.inputs[0]!) as [number, number, number];
  const [outputChannels, kernelHeight, kernelWidth] = shapeOf(graph, node.inputs[1]!) as [number, number, number];
  const [outputHeight, outputWidth] = shapeOf(graph, node.outputs[0]!) as [number, number];
  return windowKernel(node, graph, {
    outputPixels: outputHeight * outputWidth,
    outputChannels,
    inputChannels,
    groups: node.attributes['groups'] as number,
    sources: convolutionSources(node, { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth }),
    taps: kernelHeight * kernelWidth,
    outside: paddingCodes(node, inputChannels),
    biasClass: biasClassOf(node, outputWidth),
  });
};
