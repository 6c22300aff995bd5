/**
 * Layers with weights without a multiplication: two lists of shifted terms an output channel, those that are added and those
 * that are subtracted. A thread walks them for several neighbouring pixels of one channel, so that a term is read once for all;
 * a warp does where a launch has few outputs.
 */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance, LaunchVariant } from '../kernel.js';
import { borderView } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry, transposedGeometry } from '../linear/geometry.js';
import { inputZeroPointOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { linearStem } from '../linear/kernels.js';
import { signedDigits } from '../shift/digits.js';
import { isMultiplicationFreeRequantize } from '../shift/free.js';
import { classOffsets } from '../shift/layer.js';
import { transposedPhases } from '../shift/phases.js';
import { cType, requantizeArguments, requantizeScalars, requantizeView } from '../views.js';
import { denseGeometry } from './products.js';

const THREADS = 256;

/** Pixels of one thread: a term costs three instructions, and each pixel three more. */
const MOST_PIXELS = 4;

/** Terms that the lanes of a warp may share, where threads alone would leave multiprocessors idle. */
const LONG_LIST = 64;

/** A term: where its code lies, relative to the window's place, above the shift; 32 leaves nothing of any code. */
const [PLACE, NOTHING] = [6, 32];

/** What it needs at borders: rows below and columns right of the window's place, from −128 on, and the code of padding. */
const [COLUMN, CODE, CENTRE] = [8, 16, 128];
const MOST_REACH = 127;

interface Tap {
  readonly down: number;
  readonly right: number;
  readonly channel: number;
  readonly weight: number;
}

interface Layer {
  readonly title: string;
  readonly t: LinearTensors;
  readonly g: Geometry;
  /** Taps of output channel `o`, one list a phase; only transposed convolutions have several. */
  readonly phases: readonly ((o: number) => readonly Tap[])[];
  /** Code of channel `c` outside the input. */
  readonly outside: (c: number) => number;
}

function denseLayer(t: LinearTensors): Layer {
  const depth = t.weights.shape[1]!;
  const taps = (o: number): Tap[] => Array.from({ length: depth }, (_, k) => ({ down: 0, right: 0, channel: k, weight: o * depth + k }));
  return { title: 'Rows times weights', t, g: denseGeometry(t), phases: [taps], outside: () => 0 };
}

/** `channelsOf`: input channel and weight of every product of tap `tap` of output `o`. */
function windowLayer(t: LinearTensors, g: Geometry, pads: readonly number[], channelsOf: (o: number, tap: number) => readonly Pick<Tap, 'channel' | 'weight'>[]): Layer {
  const taps = (o: number): readonly Tap[] =>
    Array.from({ length: g.kernelHeight * g.kernelWidth }).flatMap((_, tap) => {
      const [down, right] = [Math.floor(tap / g.kernelWidth) * g.dilationHeight, (tap % g.kernelWidth) * g.dilationWidth];
      return channelsOf(o, tap).map((one) => ({ down, right, ...one }));
    });
  return { title: 'Convolution', t, g, phases: [taps], outside: (c) => pads[c]! };
}

function transposedLayer(node: IntegerNode, t: LinearTensors): Layer {
  const [outputChannels, height, width, depth] = t.weights.shape as [number, number, number, number];
  const g = transposedGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad: padOf(node).amounts });
  const zeroPoint = inputZeroPointOf(node);
  const phases = transposedPhases(g).map(({ geometry, taps }) => (o: number): readonly Tap[] =>
    taps.flatMap((tap, i) => {
      const down = Math.floor(i / geometry.kernelWidth) * geometry.dilationHeight - geometry.padTop;
      const right = (i % geometry.kernelWidth) * geometry.dilationWidth - geometry.padLeft;
      return Array.from({ length: depth }, (_, k) => ({ down, right, channel: k, weight: (o * height * width + tap) * depth + k }));
    }),
  );
  return { title: 'Transposed convolution', t, g, phases, outside: () => zeroPoint };
}

function layerOf(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  if (node.op === 'dense') return denseLayer(t);
  if (node.op === 'conv2d-transpose') return transposedLayer(node, t);
  const pad = padOf(node).amounts;
  const pads = padCodes(node, t.x.shape[2]!);
  if (node.op === 'conv2d') {
    const [outputChannels, height, width, depth] = t.weights.shape as [number, number, number, number];
    const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad });
    const group = outputChannels / integerAttribute(node, 'groups', 1);
    const first = (o: number, tap: number): number => (o * height * width + tap) * depth;
    return windowLayer(t, g, pads, (o, tap) => Array.from({ length: depth }, (_, k) => ({ channel: Math.floor(o / group) * depth + k, weight: first(o, tap) + k })));
  }
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const outputChannels = channels * multiplier;
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels, pad });
  return windowLayer(t, g, pads, (o, tap) => [{ channel: Math.floor(o / multiplier), weight: tap * outputChannels + o }]);
}

export const shiftLinear: Kernel = {
  family: 'cuda',
  when({ graph, group: [node] }) {
    if (graph.provenance.arith !== 'shift' || !isMultiplicationFreeRequantize(node!)) return false;
    const { g, t } = layerOf(node!, graph);
    return elementCount(t.x.shape) < 2 ** (31 - PLACE) && Math.max(g.dilationHeight * (g.kernelHeight - 1), g.dilationWidth * (g.kernelWidth - 1)) <= MOST_REACH;
  },
  instantiate: ({ graph, group: [node] }) => instantiate(node!, layerOf(node!, graph)),
};

function instantiate(node: IntegerNode, layer: Layer): KernelInstance {
  const { t, g, title } = layer;
  const [isDense, isTransposed] = [node.op === 'dense', node.op === 'conv2d-transpose'];
  const border = isDense ? { padded: false, classes: false, columnClasses: 1 } : isTransposed ? { padded: true, classes: false, columnClasses: 1 } : borderView(g, node);
  const { terms, borders, bias, added, subtracted } = listsOf(node, layer);
  // Rows of a dense layer follow each other through the whole batch; neighbours of a transposed convolution have other taps.
  const pixels = isDense ? MOST_PIXELS : isTransposed ? 1 : Math.min(MOST_PIXELS, 2 ** Math.floor(Math.log2(g.outputWidth)));
  const blocks = Math.ceil(g.outputWidth / pixels);
  // Where every term lies on the input for all pixels of a thread.
  const below = g.inputHeight - g.dilationHeight * (g.kernelHeight - 1);
  const behind = g.inputWidth - g.dilationWidth * (g.kernelWidth - 1) - (pixels - 1) * g.strideWidth;
  const items = g.outputHeight * blocks * g.outputChannels;
  const view = {
    ...g,
    ...border,
    title,
    isDense,
    transposed: isTransposed ? { phaseColumns: Math.min(g.strideWidth, g.outputWidth), phaseTerms: (added + subtracted) * g.outputChannels } : null,
    inputType: cType(t.x.type),
    outputType: cType(t.y.type),
    added,
    subtracted,
    all: added + subtracted,
    below,
    behind,
    hasInside: !isTransposed && below > 0 && behind > 0,
    codeBias: t.x.type.signed ? 2 ** 15 : 0,
    pixels,
    blocks,
    items,
    isRagged: g.outputWidth % pixels !== 0,
    inputElements: elementCount(t.x.shape),
    outputElements: elementCount(t.y.shape),
    requantize: requantizeView(node.requantize!, node.bounds),
  };
  const stem = linearStem(node.op.replace(/-/g, '_'), t, node, 'shift');
  const blocksOf = (itemsOfBlock: number): string =>
    isDense ? `ptq_blocks((batch * ${g.outputWidth} + ${pixels - 1}) / ${pixels}, ${g.outputChannels}, ${itemsOfBlock})` : `ptq_blocks(batch, ${items}, ${itemsOfBlock})`;
  const alone = { isShared: false, firstAdded: '0', firstSubtracted: String(added), turn: 'i++' };
  const shared = { isShared: true, firstAdded: 'lane', firstSubtracted: `${added} + lane`, turn: 'i += 32' };
  const warps: LaunchVariant = {
    template: 'shift/linear',
    stem: `${stem}_warps`,
    view: { ...view, ...shared },
    launch: { threads: THREADS, grid: [blocksOf(THREADS / 32)] },
    when: `ptq_leaves_idle(model, ${blocksOf(THREADS)})`,
  };
  return {
    family: 'cuda',
    template: 'shift/linear',
    stem,
    view: { ...view, ...alone },
    ...(added + subtracted >= LONG_LIST && !isTransposed && { variants: [warps] }),
    arguments: [
      { kind: 'input', tensor: t.x.id },
      { kind: 'output', tensor: t.y.id },
      { kind: 'constant', name: 'terms', data: terms },
      ...(border.padded ? [{ kind: 'constant', name: 'borders', data: borders } as const] : []),
      { kind: 'constant', name: 'bias', data: bias },
      ...(border.classes ? classOffsets(node, g.outputChannels, border.columnClasses) : []),
      ...requantizeArguments(node.requantize!),
    ],
    launch: { threads: THREADS, grid: [blocksOf(THREADS)] },
    scratchBytes: 0,
    support: [{ template: 'shift/shift-out', view: {} }, { template: 'warp', view: {} }],
    scalars: requantizeScalars(node.requantize!, node.bounds),
  };
}

interface Lists {
  /** [phases][added, then subtracted][output channels] words, so that neighbouring threads read neighbouring words. */
  readonly terms: Int32Array;
  readonly borders: Int32Array;
  /** [phases or classes][output channels], less what the zero point adds to the sums. */
  readonly bias: Int32Array;
  /** Terms of the longest lists; shorter ones are filled up with terms that leave nothing. */
  readonly added: number;
  readonly subtracted: number;
}

function listsOf(node: IntegerNode, { t, g, phases, outside }: Layer): Lists {
  const zeroPoint = inputZeroPointOf(node);
  const codeBias = t.x.type.signed ? 2 ** 15 : 0;
  const termsOf = ({ down, right, channel, weight }: Tap) =>
    signedDigits(t.weightCodes[weight]!).map(({ sign, exponent }) => ({
      isAdded: sign > 0,
      word: (((down * g.inputWidth + right) * g.inputChannels + channel) << PLACE) | exponent,
      border: (down + CENTRE) | ((right + CENTRE) << COLUMN) | ((outside(channel) + codeBias) << CODE),
    }));
  const outputs = Array.from({ length: g.outputChannels }, (_, o) => o);
  const lists = phases.map((tapsOf) => outputs.map((o) => [true, false].map((isAdded) => tapsOf(o).flatMap(termsOf).filter((term) => term.isAdded === isAdded))));
  const [added, subtracted] = [0, 1].map((i) => Math.max(0, ...lists.flat().map((both) => both[i]!.length))) as [number, number];
  const all = added + subtracted;
  // an array of no elements is none in C
  const terms = new Int32Array(Math.max(1, phases.length * all * g.outputChannels)).fill(NOTHING);
  const borders = new Int32Array(terms.length).fill(CENTRE | (CENTRE << COLUMN));
  lists.forEach((channels, phase) => {
    channels.forEach((both, o) => {
      both.forEach((list, i) => {
        list.forEach(({ word, border }, n) => {
          const at = (phase * all + (i === 0 ? 0 : added) + n) * g.outputChannels + o;
          terms[at] = word;
          borders[at] = border;
        });
      });
    });
  });
  const sums = phases.flatMap((tapsOf) => outputs.map((o) => tapsOf(o).reduce((sum, { weight }) => sum + t.weightCodes[weight]!, 0)));
  const bias = phases.length > 1 ? sums.map((sum, i) => t.biasCodes[i % g.outputChannels]! - zeroPoint * sum) : Array.from(t.biasCodes, (b, i) => b - zeroPoint * sums[i % g.outputChannels]!);
  return { terms, borders, bias: Int32Array.from(bias), added, subtracted };
}
