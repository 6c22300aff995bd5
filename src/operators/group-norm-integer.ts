/**
 * The integer form of group normalization: that of layer-norm (layer-norm-integer.ts), one gain and one offset a channel. A group
 * is a row whose elements lie `channels` apart, `width` neighbours at a time.
 */
import { elementCount, type FloatNode } from '../graph/float.js';
import type { IntegerGraph, IntegerNode, IntegerTensor } from '../graph/integer.js';
import { integerAttribute, numberAttribute } from './attributes.js';
import { checkInteger, integerGraphError, nodeTensors } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { emitNorm, instantiateNorm, layerNormConstants, verifyNorm } from './layer-norm-integer.js';
import type { LowerContext } from './lower.js';

export function lowerGroupNorm(node: FloatNode, context: LowerContext): void {
  const [x, gamma, beta] = node.inputs;
  const groups = integerAttribute(node, 'groups');
  const length = elementCount(context.float(x!).shape) / groups;
  const [gammas, betas] = [context.float(gamma!).data, context.float(beta!).data];
  if (!gammas || !betas) return context.unsupported(node, 'gamma and beta must be constants');
  const [input, output] = [context.activation(x!), context.activation(node.outputs[0]!)];
  emitNorm(node, context, layerNormConstants(input, output, numberAttribute(node, 'epsilon'), gammas, betas, length), { groups });
}

interface GroupSizes {
  readonly groups: number;
  readonly channels: number;
  /** Channels of a group. */
  readonly width: number;
  readonly positions: number;
}

function sizesOf(node: IntegerNode, { shape }: IntegerTensor): GroupSizes {
  const groups = checkInteger(node, () => integerAttribute(node, 'groups', 1));
  const channels = shape[shape.length - 1] ?? 1;
  if (channels % groups !== 0) throw integerGraphError(node, `${channels} channels do not make ${groups} equal groups`);
  return { groups, channels, width: channels / groups, positions: elementCount(shape) / channels };
}

export function verifyGroupNorm(node: IntegerNode, graph: IntegerGraph): void {
  const { positions, width, channels } = sizesOf(node, nodeTensors(node, graph, 3).inputs[0]!);
  verifyNorm(node, graph, positions * width, channels);
}

export function instantiateGroupNorm(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const sizes = sizesOf(node, nodeTensors(node, graph, 3).inputs[0]!);
  return instantiateNorm(node, graph, 'group-norm', sizes.positions * sizes.width, { ...sizes, rows: sizes.groups, elements: sizes.positions * sizes.channels });
}
