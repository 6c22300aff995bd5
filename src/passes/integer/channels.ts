/** How the channels (last axis) of an operator's output hang on the channels of its inputs. */
import { integerTensor, type IntegerGraph, type IntegerNode, type TensorId } from '../../graph/integer.js';

export interface ChannelRef {
  readonly tensor: TensorId;
  readonly channel: number;
}

/**
 * `linear`: every output channel is a weighted sum over all input channels (conv2d, dense): both sides can shrink alone.
 * `tied`: every output channel comes from the same channel(s) of the inputs alone: both sides can only shrink together.
 *   `copies`: its codes lie between the least and greatest of its sources, but for a `clamp` attribute.
 * `opaque`: nothing is known, all channels stay.
 */
export type ChannelModel =
  | { readonly kind: 'linear' }
  | { readonly kind: 'tied'; readonly copies: boolean; sources(channel: number): readonly ChannelRef[] }
  | { readonly kind: 'opaque' };

const OPAQUE: ChannelModel = { kind: 'opaque' };
/** Operators that compute each channel from the same channel of their first input; those whose codes stay between those of the input, but for a clamp. */
const CHANNELWISE = new Set(['max-pool2d', 'average-pool2d', 'clamp', 'unary', 'requantize', 'resize']);
const SELECTING = new Set(['max-pool2d', 'clamp']);
const ELEMENTWISE = new Set(['add', 'sub', 'mul']);

export function channelCount(shape: readonly number[]): number {
  return shape[shape.length - 1] ?? 1;
}

export function channelModel(node: IntegerNode, graph: IntegerGraph): ChannelModel {
  if (node.outputs.length !== 1) return OPAQUE;
  if (node.op === 'dense' || (node.op === 'conv2d' && node.attributes['groups'] === 1)) return { kind: 'linear' };
  if (node.op === 'depthwise-conv2d') {
    const multiplier = integerTensor(graph, node.inputs[1]).shape[3];
    return { kind: 'tied', copies: false, sources: (c) => [{ tensor: node.inputs[0], channel: Math.floor(c / multiplier) }] };
  }
  if (CHANNELWISE.has(node.op)) return { kind: 'tied', copies: staysBetween(node), sources: (channel) => [{ tensor: node.inputs[0], channel }] };
  if (ELEMENTWISE.has(node.op)) return elementwise(node, graph);
  if (node.op === 'concat') return concatenation(node, graph);
  if (node.op === 'reshape') return reshaping(node, graph);
  return OPAQUE;
}

function staysBetween(node: IntegerNode): boolean {
  return SELECTING.has(node.op) || (node.op === 'average-pool2d' && node.attributes['variant'] === 'tflite');
}

/** Without broadcasting along the channels. */
function elementwise(node: IntegerNode, graph: IntegerGraph): ChannelModel {
  const channels = channelCount(integerTensor(graph, node.outputs[0]).shape);
  const inputs = node.inputs.filter((id) => !integerTensor(graph, id).constant);
  const plain = node.inputs.every((id) => {
    const { shape, constant } = integerTensor(graph, id);
    return channelCount(shape) === channels || (constant !== undefined && channelCount(shape) === 1);
  });
  if (!plain || node.requantize?.mode === 'csd') return OPAQUE;
  return { kind: 'tied', copies: false, sources: (channel) => inputs.map((tensor) => ({ tensor, channel })) };
}

function concatenation(node: IntegerNode, graph: IntegerGraph): ChannelModel {
  if (node.inputs.some((id) => integerTensor(graph, id).constant)) return OPAQUE;
  const rank = integerTensor(graph, node.outputs[0]).shape.length;
  if (node.attributes['axis'] !== rank - 1) return { kind: 'tied', copies: true, sources: (channel) => node.inputs.map((tensor) => ({ tensor, channel })) };
  const sources = node.inputs.flatMap((tensor) => Array.from({ length: channelCount(integerTensor(graph, tensor).shape) }, (_, channel) => ({ tensor, channel })));
  return { kind: 'tied', copies: true, sources: (c) => [sources[c]] };
}

/** Leading axes may merge or split freely; the channels may repeat (a map flattened to a vector). */
function reshaping(node: IntegerNode, graph: IntegerGraph): ChannelModel {
  const before = channelCount(integerTensor(graph, node.inputs[0]).shape);
  const after = channelCount(integerTensor(graph, node.outputs[0]).shape);
  const tensor = node.inputs[0];
  if (after % before === 0) return { kind: 'tied', copies: true, sources: (c) => [{ tensor, channel: c % before }] };
  if (before % after !== 0) return OPAQUE;
  return { kind: 'tied', copies: true, sources: (c) => Array.from({ length: before / after }, (_, i) => ({ tensor, channel: i * after + c })) };
}
