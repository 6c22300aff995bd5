/** Fused activations taken off their layers, so that what comes before them can be looked at. */
import { tensorOf, type Attributes, type FloatGraph, type FloatNode, type FloatTensor, type TensorId } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';

export interface OpenLayer {
  /** Without its fused activation. */
  readonly node: FloatNode;
  readonly weights: TensorId;
  readonly bias: TensorId;
  /** Output before the fused activation. */
  readonly output: TensorId;
  readonly channels: number;
}

/** The graph with every fused activation of a layer with a bias as a clamp of its own, so that the value before it can be kept. */
export function openActivations(graph: FloatGraph): { readonly open: FloatGraph; readonly layers: readonly OpenLayer[] } {
  const tensors = new Map<TensorId, FloatTensor>(graph.tensors);
  const layers: OpenLayer[] = [];
  const nodes = graph.nodes.flatMap((node): readonly FloatNode[] => {
    const roles = findOperator(node.op)?.float?.weights;
    const bias = roles?.bias === undefined ? undefined : node.inputs[roles.bias];
    if (bias === undefined || !tensorOf(graph, bias).data) return [node];
    const activation = node.attributes['activation'] as { readonly min: number; readonly max: number } | null | undefined;
    const output = tensorOf(graph, node.outputs[0]);
    const channels = output.shape[output.shape.length - 1];
    const openId = activation ? `${output.id}:open` : output.id;
    const layer = activation ? { ...node, outputs: [openId], attributes: { ...node.attributes, activation: null } } : node;
    layers.push({ node: layer, weights: node.inputs[roles!.input], bias, output: openId, channels });
    if (!activation) return [node];
    tensors.set(openId, { ...output, id: openId });
    const clamp: Attributes = { min: activation.min, max: activation.max };
    return [
      layer,
      { id: `${node.id}:clamp`, op: 'clamp', inputs: [openId], outputs: [output.id], attributes: clamp, origin: node.origin },
    ];
  });
  return { open: { ...graph, tensors, nodes }, layers };
}
