/** dense of several rows without multiplication: a convolution of one row of pixels by windows of 1x1, whose sums serve two rows each. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext } from '../kernel.js';
import { linearTensors } from '../linear/integer.js';
import { shiftConv2d } from './conv2d.js';

const known = new WeakMap<IntegerNode, Pick<KernelContext, 'graph' | 'group'>>();

/** The same layer as a convolution; one object a node, since its reader remembers nodes. */
function asConvolution(node: IntegerNode, graph: IntegerGraph): Pick<KernelContext, 'graph' | 'group'> {
  const found = known.get(node) ?? convolutionOf(node, graph);
  known.set(node, found);
  return found;
}

function convolutionOf(node: IntegerNode, graph: IntegerGraph): Pick<KernelContext, 'graph' | 'group'> {
  const { x, weights, y } = linearTensors(node, graph);
  const [channels, depth] = weights.shape as [number, number];
  const rows = elementCount(x.shape) / depth;
  const tensors = new Map(graph.tensors);
  tensors.set(x.id, { ...x, shape: [1, rows, depth] });
  tensors.set(weights.id, { ...weights, shape: [channels, 1, 1, depth] });
  tensors.set(y.id, { ...y, shape: [1, rows, channels] });
  const { inputZeroPoint } = node.attributes;
  const attributes = { strides: [1, 1], dilations: [1, 1], groups: 1, pad: { amounts: [0, 0, 0, 0], values: 0 }, inputZeroPoint: inputZeroPoint! };
  return { graph: { ...graph, tensors }, group: [{ ...node, op: 'conv2d', attributes }] };
}

export const shiftDenseRows: Kernel = {
  family: 'shift',
  when(context) {
    const { x, weights } = linearTensors(context.group[0]!, context.graph);
    return elementCount(x.shape) > weights.shape[1]! && shiftConv2d.when({ ...context, ...asConvolution(context.group[0]!, context.graph) });
  },
  instantiate: (context) => shiftConv2d.instantiate({ ...context, ...asConvolution(context.group[0]!, context.graph) }),
};
