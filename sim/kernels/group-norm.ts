/** Normalization of groups of neighbouring channels: the arithmetic of layer-norm on elements that lie apart. */
import type { SimKernel } from '../kernel.js';
import { count, inputShape, integer } from '../nodes.js';
import { normalize } from './layer-norm.js';

export const groupNorm: SimKernel = (node, graph) => {
  const shape = inputShape(node, graph, 0);
  const channels = shape[shape.length - 1]!;
  const groups = integer(node, 'groups');
  const width = channels / groups;
  const parameters = Int32Array.from({ length: count(shape) / groups }, (_, i) => i % width);
  const places = parameters.map((channel, i) => Math.floor(i / width) * channels + channel);
  return normalize(node, { rows: groups, places, step: width, parameters, parameterStep: width });
};
