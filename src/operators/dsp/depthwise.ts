/**
 * Depthwise 3x3 convolutions on cores with SMLAD. Four channels at a time are gathered into planes of 16-bit lanes, from
 * which 2x2 outputs of one channel are computed together. The planes are a copy, so that the output may take the place of
 * the input where all rows of four channels are gathered before the first output is written.
 */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, inputZeroPointOf, linearTensors, type LinearTensors, padCodes, padOf } from '../linear/integer.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { packedBitsOf, packWord } from '../packing.js';
import { cType } from '../views.js';
import { fixRequantize } from './fixed-shift.js';
import { diesAt, spareBytes } from './live-bytes.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';

/** Bytes of a pair of columns of a pair of rows of four channels. */
const CELL_BYTES = 32;

interface Read {
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly multiplier: number;
}

function read(node: IntegerNode, graph: IntegerGraph): Read {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  return { t, g: convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts }), multiplier };
}

/** A channel's constants: sums are 2^scale times the accumulator. */
interface ChannelConstants {
  readonly scale: number;
  readonly nudge: number;
  readonly multiplier: number;
  readonly addend: number;
  readonly shift: number;
}

interface PlaneRequantize {
  readonly channels: readonly ChannelConstants[];
  readonly saturation: FoldedRequantize['saturation'];
  readonly view: PlaneRequantizeView;
}

/** What the partial dsp-requantize-sum reads. */
interface PlaneRequantizeView {
  readonly suffix: string;
  readonly away: boolean;
  readonly multiply: string;
  readonly shifted: boolean;
  readonly immediate: number;
  readonly saturate: string;
  readonly bits: number;
  readonly instructions1: number;
  readonly instructions2: number;
}

/** Shared by `when` and `instantiate`: the search takes a while. */
const requantizes = new WeakMap<IntegerNode, PlaneRequantize | null>();

function requantizeOf(node: IntegerNode, t: LinearTensors, channels: number): PlaneRequantize | null {
  let known = requantizes.get(node);
  if (known === undefined) requantizes.set(node, (known = planRequantize(node, t, channels)));
  return known;
}

/** The form with one immediate shift where every channel has it, else that of requantize.ts; null where neither fits. */
function planRequantize(node: IntegerNode, t: LinearTensors, channels: number): PlaneRequantize | null {
  const folded = foldRequantize(node, channels);
  if (!folded || folded.saturation.bits > 8) return null;
  const largest = new Array<number>(channels).fill(0);
  t.weightCodes.forEach((w, i) => (largest[i % channels] = Math.max(largest[i % channels]!, Math.abs(w))));
  const fixed = fixRequantize(node, largest);
  const { saturation } = folded;
  const saturate = saturation.signed ? 'ssat' : 'usat';
  const end = `${saturation.signed ? 's' : 'u'}${saturation.bits}`;
  if (fixed) {
    const view = { suffix: `fixed${fixed.shift}_${end}`, away: false, multiply: 'smmla', shifted: false, immediate: fixed.shift, saturate, bits: saturation.bits, instructions1: 48, instructions2: 53 };
    return { channels: fixed.channels.map((c) => ({ ...c, shift: fixed.shift })), saturation, view };
  }
  const away = folded.kind === 'away';
  const more = (away ? 4 : 0) + (folded.unshifted ? 0 : 5);
  const view = {
    suffix: `${folded.kind}${folded.unshifted ? '_high' : ''}_${end}`,
    away,
    multiply: folded.kind === 'floor' ? 'smmla' : 'smmlar',
    shifted: !folded.unshifted,
    immediate: 0,
    saturate,
    bits: saturation.bits,
    instructions1: 48 + more,
    instructions2: 53 + more,
  };
  return { channels: folded.channels.map((c) => ({ scale: folded.doubled ? 1 : 0, nudge: 0, ...c })), saturation, view };
}

function fits({ features, graph, group: [node] }: KernelContext): boolean {
  const { t, g } = read(node!, graph);
  const bytes = [t.x, t.y, t.weights].every((tensor) => tensor.type.bits <= 8 && !tensor.type.packed);
  const window = g.kernelHeight === 3 && g.kernelWidth === 3 && g.dilationHeight === 1 && g.dilationWidth === 1;
  const stride = g.strideHeight === g.strideWidth && g.strideHeight <= 2;
  const pads = padOf(node!).amounts.every((a) => a <= 1);
  const uniform = new Set(padCodes(node!, g.inputChannels)).size === 1 && !biasClassesOf(node!);
  const size = g.inputChannels >= 4 && g.outputWidth >= 2;
  if (!features.dsp || !features.unalignedAccess || !bytes || !window || !stride || !pads || !uniform || !size || t.x.constant) return false;
  return requantizeOf(node!, t, g.outputChannels) !== null;
}

/** How the padded input is cut into pairs of columns, and how many pairs of rows are in memory. */
interface PlanePlan {
  readonly columnPairs: number;
  /** Pairs of columns of which both are pixels. */
  readonly fullPairs: number;
  /** What follows them: nothing, a pixel and padding, padding alone. */
  readonly right: 0 | 1 | 2;
  readonly rowPairs: number;
  readonly scratchBytes: number;
  readonly inPlace: boolean;
}

function planPlanes(context: KernelContext, { t, g, multiplier }: Read): PlanePlan {
  const node = context.group[0]!;
  const stride = g.strideHeight;
  const columnPairs = stride === 1 ? Math.ceil(g.outputWidth / 2) + 1 : g.outputWidth + 1;
  // With padding on the left the first pair is the padding and the first pixel.
  const pixels = g.inputWidth - g.padLeft;
  const fullPairs = Math.min(Math.floor(pixels / 2), columnPairs - g.padLeft);
  const right = g.padLeft + fullPairs === columnPairs ? 0 : pixels > 2 * fullPairs ? 1 : 2;
  const rowBytes = columnPairs * CELL_BYTES;
  // Windows of the last pair of rows of an odd number reach one pair of rows further.
  const all = stride === 1 ? Math.ceil(g.outputHeight / 2) + 1 : 2 * Math.ceil(g.outputHeight / 2) + 1;
  const least = stride === 1 ? 2 : 3;
  const sameBytes = stride === 1 && multiplier === 1 && elementCount(t.x.shape) === elementCount(t.y.shape);
  const inPlace = sameBytes && diesAt(context.graph, node, t.x.id) && all * rowBytes <= elementCount(t.y.shape);
  const spare = context.optimize === 'ram' ? 0 : Math.floor(spareBytes(context.graph, node) / rowBytes);
  const bounded = Math.max(least, Math.min(all, spare));
  const rowPairs = inPlace ? all : stride === 1 ? bounded : bounded - ((bounded + 1) % 2);
  return { columnPairs, fullPairs, right, rowPairs, scratchBytes: rowPairs * rowBytes, inPlace };
}

/** How a channel's constants lie in the stream, and what the assembly that reads them wants to know. */
interface PlaneStream {
  readonly packed: boolean;
  /** Bytes before the multiplier, and before a shift of the channel's own. */
  readonly multiplierOffset: number;
  readonly shiftOffset: number;
  readonly words: number;
}

function planStream(context: KernelContext, { t }: Read, { view }: PlaneRequantize): PlaneStream {
  const packed = context.weights === 'packed' && packedBitsOf(t.weightCodes) !== null;
  const weightWords = packed ? 2 : 3;
  return { packed, multiplierOffset: 4 * (weightWords + 1), shiftOffset: 4 * (weightWords + 3), words: weightWords + (view.shifted ? 4 : 3) };
}

/**
 * Of every channel: three rows of three weights and log2 of their scale, a row a word, or all of them nibbles of two words; bias,
 * multiplier, addend, shift where channels differ.
 */
function packStream(node: IntegerNode, { t, g }: Read, { channels, view }: PlaneRequantize, { packed, words }: PlaneStream): Int32Array {
  const stream = new Int32Array(g.outputChannels * words);
  channels.forEach(({ scale, nudge, multiplier, addend, shift }, channel) => {
    const weights = Array.from({ length: 9 }, (_, tap) => t.weightCodes[tap * g.outputChannels + channel]!);
    const offset = inputZeroPointOf(node) * weights.reduce((sum, w) => sum + w, 0);
    const rows = [0, 1, 2].map((ky) => packWord([...weights.slice(3 * ky, 3 * ky + 3), ky === 0 ? scale : 0], 8));
    const nibbles = [packWord(weights.slice(0, 8), 4), packWord([weights[8]!, scale], 4)];
    const bias = Number(BigInt.asIntN(32, BigInt(t.biasCodes[channel]! - offset) * BigInt(2 ** scale) + BigInt(nudge)));
    stream.set([...(packed ? nibbles : rows), bias, multiplier, addend, ...(view.shifted ? [shift] : [])], channel * words);
  });
  return stream;
}

function instantiate(context: KernelContext): KernelInstance {
  const node = context.group[0]!;
  const layer = read(node, context.graph);
  const { t, g, multiplier } = layer;
  const requantize = requantizeOf(node, t, g.outputChannels)!;
  const stream = planStream(context, layer, requantize);
  const rows = { ...requantize.view, ...stream, suffix: `${requantize.view.suffix}${stream.packed ? '_w4' : ''}` };
  const planes = planPlanes(context, layer);
  const stride = g.strideHeight;
  const gatherSuffix = t.x.type.signed ? 's8' : 'u8';
  const types = { inputType: cType(t.x.type), outputType: cType(t.y.type) };
  const suffix = `${stride}_${gatherSuffix}_${rows.suffix}${multiplier > 1 ? '_multiplied' : ''}`;
  const pad = padCodes(node, g.inputChannels)[0]! & 255;
  return {
    family: 'dsp',
    template: 'dsp/depthwise-3x3',
    stem: linearStem('depthwise_conv2d', t, node, '3x3'),
    view: { ...g, ...types, ...planes, suffix, multiplier, padding: pad * 0x01010101 },
    arguments: [...activationArguments([node.inputs[0]!], node.outputs[0]!), { kind: 'constant', name: 'stream', data: packStream(node, layer, requantize, stream) }, { kind: 'scratch' }],
    scratchBytes: planes.scratchBytes,
    scalars: [],
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/depthwise-task', view: {} },
      { template: 'dsp/depthwise-gather', view: { suffix: gatherSuffix, extend: t.x.type.signed ? 'sxtb16' : 'uxtb16' } },
      { template: `dsp/depthwise-rows-stride${stride}`, view: rows },
      {
        template: 'dsp/depthwise-strips',
        view: { ...types, suffix, gatherSuffix, requantizeSuffix: rows.suffix, stride, stride2: stride === 2, shifted: requantize.view.shifted, streamWords: stream.words, multiplied: multiplier > 1 },
      },
    ],
    ...(planes.inPlace ? { inPlace: [0] } : {}),
  };
}

export const dspDepthwise: readonly Kernel[] = [{ family: 'dsp', when: fits, instantiate }];
