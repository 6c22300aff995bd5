/** Transposed convolution: every output gathers the input pixels that reach it; all other taps hold the input's zero. */
import type { SimKernel } from '../kernel.js';
import { shapeOf, windowKernel } from './weighted.js';
import { transposedSources } from './window.js';

export const conv2dTranspose: SimKernel = (node, graph) => {
  const [inputHeight, inputWidth, inputChannels] = shapeOf(graph, node.inputs[0]!) as [number, number, number];
  const [outputChannels, kernelHeight, kernelWidth] = shapeOf(graph, node.inputs[1]!) as [number, number, number];
  const [outputHeight, outputWidth] = shapeOf(graph, node.outputs[0]!) as [number, number];
  return windowKernel(node, graph, {
    outputPixels: outputHeight * outputWidth,
    outputChannels,
    inputChannels,
    groups: 1,
    sources: transposedSources(node, { inputHeight, inputWidth, outputHeight, outputWidth, kernelHeight, kernelWidth }),
    taps: kernelHeight * kernelWidth,
    outside: new Int16Array(inputChannels).fill(node.attributes['inputZeroPoint'] as number),
    biasClass: () => 0,
  });
};
