/** Fully connected layer on the last axis: every row of the input is a window of one tap. */
import type { SimKernel } from '../kernel.js';
import { shapeOf, windowKernel } from './weighted.js';

export const dense: SimKernel = (node, graph) => {
  const [outputChannels, inputChannels] = shapeOf(graph, node.inputs[1]!) as [number, number];
  const rows = shapeOf(graph, node.inputs[0]!).reduce((n, d) => n * d, 1) / inputChannels;
  return windowKernel(node, graph, {
    outputPixels: rows,
    outputChannels,
    inputChannels,
    groups: 1,
    sources: Int32Array.from({ length: rows }, (_, row) => row),
    taps: 1,
    outside: new Int16Array(inputChannels),
    biasClass: () => 0,
  });
};
