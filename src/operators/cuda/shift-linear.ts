/** Layers with weights without a multiplication: one list of shifted terms an output channel, walked by one thread an output. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { borderView, classArguments } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { foldedBias, linearStem } from '../linear/kernels.js';
import { signedDigits } from '../shift/digits.js';
import { isMultiplicationFreeRequantize } from '../shift/free.js';
import { cType, requantizeArguments, requantizeScalars, requantizeView } from '../views.js';
import { denseGeometry } from './products.js';

/** Bits of the second word of a term: rows and columns below and right of the window's first, shift, sign, and whether it counts. */
const [COLUMN, SHIFT, NEGATIVE, LIVE] = [8, 16, 24, 25];

/** Rows and columns have a byte each in a term. */
const MOST_REACH = 255;

interface Layer {
  readonly t: LinearTensors;
  readonly g: Geometry;
  /** Input channel and index into the weight codes of tap `tap`, `k`-th channel of output `o`. */
  readonly depth: number;
  readonly place: (o: number, tap: number, k: number) => { readonly channel: number; readonly weight: number };
}

function layerOf(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  if (node.op === 'dense') return { t, g: denseGeometry(t), depth: t.weights.shape[1]!, place: (o, _tap, k) => ({ channel: k, weight: o * t.weights.shape[1]! + k }) };
  const pad = padOf(node).amounts;
  if (node.op === 'conv2d') {
    const [outputChannels, height, width, depth] = t.weights.shape as [number, number, number, number];
    const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad });
    const group = outputChannels / integerAttribute(node, 'groups', 1);
    const taps = height * width;
    return { t, g, depth, place: (o, tap, k) => ({ channel: Math.floor(o / group) * depth + k, weight: (o * taps + tap) * depth + k }) };
  }
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const outputChannels = channels * multiplier;
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad });
  return { t, g, depth: 1, place: (o, tap) => ({ channel: Math.floor(o / multiplier), weight: tap * outputChannels + o }) };
}

/** Every padded channel has the same code; 0 where nothing is padded. */
function paddingOf(node: IntegerNode, g: Geometry): number | null {
  if (node.op === 'dense') return 0;
  const codes = new Set(padCodes(node, g.inputChannels));
  return codes.size === 1 ? [...codes][0]! : null;
}

export const shiftLinear: Kernel = {
  family: 'cuda',
  when({ graph, group: [node] }) {
    if (graph.provenance.arith !== 'shift' || !isMultiplicationFreeRequantize(node!)) return false;
    const { g } = layerOf(node!, graph);
    const reach = Math.max(g.dilationHeight * (g.kernelHeight - 1), g.dilationWidth * (g.kernelWidth - 1));
    return reach <= MOST_REACH && paddingOf(node!, g) !== null;
  },
  instantiate({ graph, group: [node] }) {
    return instantiate(node!, layerOf(node!, graph));
  },
};

function instantiate(node: IntegerNode, layer: Layer): KernelInstance {
  const { t, g } = layer;
  const border = node.op === 'dense' ? { padded: false, classes: false, columnClasses: 1 } : borderView(g, node);
  const { data, sums, count } = termsOf(layer);
  const items = elementCount(t.y.shape);
  const view = {
    ...g,
    ...border,
    title: node.op === 'dense' ? 'Rows times weights' : 'Convolution',
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    terms: count,
    termsStride: 2 * g.outputChannels,
    padding: paddingOf(node, g)!,
    items,
    moves: [{ pointer: 'input', step: elementCount(t.x.shape) }],
    bySample: true,
    byElement: true,
    indices: [],
    requantize: requantizeView(node.requantize!, node.bounds),
  };
  return {
    family: 'cuda',
    template: 'shift/linear',
    stem: linearStem(node.op.replace(/-/g, '_'), t, node, 'shift'),
    view,
    arguments: [
      { kind: 'input', tensor: t.x.id },
      { kind: 'output', tensor: t.y.id },
      { kind: 'constant', name: 'terms', data },
      { kind: 'constant', name: 'bias', data: foldedBias(node, t, sums) },
      ...(border.classes ? classArguments(node) : []),
      ...requantizeArguments(node.requantize!),
    ],
    launch: { threads: 256, grid: [`ptq_blocks(batch, ${items}, 256)`] },
    scratchBytes: 0,
    scalars: requantizeScalars(node.requantize!, node.bounds),
  };
}

/** [count][output channels][2] words, so that neighbouring threads read neighbouring words; lists are filled up with terms that do not count. */
function termsOf({ t, g, depth, place }: Layer): { readonly data: Int32Array; readonly sums: readonly number[]; readonly count: number } {
  const lists: (readonly [number, number])[][] = [];
  const sums: number[] = [];
  for (let o = 0; o < g.outputChannels; o++) {
    const list: (readonly [number, number])[] = [];
    let sum = 0;
    for (let tap = 0; tap < g.kernelHeight * g.kernelWidth; tap++) {
      const down = Math.floor(tap / g.kernelWidth) * g.dilationHeight;
      const right = (tap % g.kernelWidth) * g.dilationWidth;
      for (let k = 0; k < depth; k++) {
        const { channel, weight } = place(o, tap, k);
        const code = t.weightCodes[weight]!;
        sum += code;
        const offset = (down * g.inputWidth + right) * g.inputChannels + channel;
        for (const { sign, exponent } of signedDigits(code)) list.push([offset, down | (right << COLUMN) | (exponent << SHIFT) | ((sign < 0 ? 1 : 0) << NEGATIVE) | (1 << LIVE)]);
      }
    }
    lists.push(list);
    sums.push(sum);
  }
  const count = Math.max(...lists.map((list) => list.length));
  const data = new Int32Array(2 * count * g.outputChannels);
  lists.forEach((list, o) => list.forEach((term, i) => data.set(term, 2 * (i * g.outputChannels + o))));
  return { data, sums, count };
}
