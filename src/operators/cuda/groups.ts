/**
 * Convolutions of several groups by dot products of four bytes (dp4a): a thread computes four neighbouring outputs of four channels of
 * a group. For each word of the group's codes 16 bytes of weights and four words of codes are loaded for 16 dot products, 64 products.
 * Tensor cores would multiply what other groups' channels make zero: with 32 groups, 32 times as much.
 */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { borderView, classArguments, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { inputZeroPointOf, linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { linearStem, rowSums } from '../linear/kernels.js';
import { requantizeArguments, requantizeScalars, requantizeView } from '../views.js';

const THREADS = 128;
const PIXELS = 4;

interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  /** Input channels of a group. */
  readonly depth: number;
  readonly groups: number;
}

/** Null where the channels of a group are not whole words. */
function layerOf(node: IntegerNode, graph: IntegerGraph): Layer | null {
  const t = linearTensors(node, graph);
  const [outputChannels, height, width, depth] = t.weights.shape as [number, number, number, number];
  const groups = integerAttribute(node, 'groups', 1);
  const isBytes = [t.x, t.weights, t.y].every(({ type }) => type.bits <= 8 && !type.packed);
  if (!isBytes || groups === 1 || depth % 4 !== 0 || (outputChannels / groups) % 4 !== 0) return null;
  return { t, depth, groups, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts }) };
}

export const byteGroups: Kernel = {
  family: 'cuda',
  when: ({ graph, group: [node] }) => graph.provenance.arith !== 'shift' && layerOf(node!, graph) !== null,
  instantiate: ({ graph, group: [node] }) => instantiate(node!, layerOf(node!, graph)!),
};

function instantiate(node: IntegerNode, { t, g, depth, groups }: Layer): KernelInstance {
  const border = borderView(g, node);
  const isUnsigned = !t.x.type.signed;
  const blocks = Math.ceil(g.outputWidth / PIXELS);
  const quads = g.outputChannels / 4;
  const items = g.outputHeight * blocks * quads;
  const sums = rowSums(t.weightCodes, g.outputChannels);
  const zeroPoint = inputZeroPointOf(node) - (isUnsigned ? 128 : 0);
  const view = {
    ...g,
    ...border,
    pixels: PIXELS,
    quads,
    quadsOfGroup: quads / groups,
    blocks,
    items,
    depthWords: depth / 4,
    pixelWords: g.inputChannels / 4,
    inputWords: elementCount(t.x.shape) / 4,
    outputWords: elementCount(t.y.shape) / 4,
    isRagged: g.outputWidth % PIXELS !== 0,
    flip: isUnsigned ? ' ^ 0x80808080u' : '',
    requantize: requantizeView(node.requantize!, node.bounds),
  };
  return {
    family: 'cuda',
    template: 'conv2d-groups',
    stem: linearStem('conv2d', t, node, 'groups_dp4a'),
    view,
    arguments: [
      { kind: 'input', tensor: t.x.id },
      { kind: 'output', tensor: t.y.id },
      { kind: 'constant', name: 'weights', data: packedWeights(t) },
      { kind: 'constant', name: 'bias', data: Int32Array.from(t.biasCodes, (b, i) => b - zeroPoint * sums[i % g.outputChannels]!) },
      ...(border.classes ? classArguments(node) : []),
      ...(border.padded ? [paddingArgument(g, node, t.x.type)] : []),
      ...requantizeArguments(node.requantize!),
    ],
    launch: { threads: THREADS, grid: [`ptq_blocks(batch, ${items}, ${THREADS})`] },
    scratchBytes: 0,
    scalars: requantizeScalars(node.requantize!, node.bounds),
  };
}

/** [channels / 4][taps][depth / 4][4 channels] words, so that a load of 16 bytes gets those of four channels. */
function packedWeights({ weights, weightCodes }: LinearTensors): Int8Array {
  const outputs = weights.shape[0]!;
  const words = weightCodes.length / outputs / 4;
  const packed = new Int8Array(weightCodes.length);
  for (let o = 0; o < outputs; o++) {
    for (let word = 0; word < words; word++) {
      const from = (o * words + word) * 4;
      packed.set(weightCodes.subarray(from, from + 4), (((o >> 2) * words + word) * 4 + (o & 3)) * 4);
    }
  }
  return packed;
}
