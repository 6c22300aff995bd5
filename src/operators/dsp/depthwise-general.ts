/** Depthwise convolutions with any window on cores with SMLAD: pairs of taps of four channels at a time, straight from the input. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelContext, KernelInstance } from '../kernel.js';
import { borderView, paddingArgument } from '../linear/convolution.js';
import { convolutionGeometry, type Geometry } from '../linear/geometry.js';
import { biasClassesOf, inputZeroPointOf, linearTensors, type LinearTensors, padOf } from '../linear/integer.js';
import { activationArguments, linearStem } from '../linear/kernels.js';
import { slidingOverlap } from '../overlap.js';
import { packedBitsOf, packLanes, packWord } from '../packing.js';
import { cType } from '../views.js';
import { foldRequantize } from './requantize.js';
import { uniformRequantize } from './uniform-shift.js';

const SUMS = ['r8', 'r9', 'r10', 'r11'].map((sum) => ({ sum }));

interface Layer {
  readonly node: IntegerNode;
  readonly t: LinearTensors;
  readonly g: Geometry;
  readonly taps: number;
}

function read(node: IntegerNode, graph: IntegerGraph): Layer {
  const t = linearTensors(node, graph);
  const [height, width, channels, multiplier] = t.weights.shape as [number, number, number, number];
  const g = convolutionGeometry(node, { input: t.x.shape, kernel: [height, width], outputChannels: channels * multiplier, pad: padOf(node).amounts });
  return { node, t, g, taps: height * width };
}

interface TapsRequantize {
  /** Sums are multiplied by 2^scale when the bias, which is already, is added. */
  readonly scale: number;
  readonly shifted: boolean;
  readonly channels: readonly { readonly nudge: number; readonly multiplier: number; readonly addend: number; readonly shift: number }[];
  /** What the partial dsp-requantize-sum reads. */
  readonly view: { readonly away: boolean; readonly multiply: string; readonly shifted: boolean; readonly immediate: number; readonly saturate: string; readonly bits: number };
  readonly suffix: string;
}

/** Shared by `when` and `instantiate`: the search takes a while. */
const requantizes = new WeakMap<IntegerNode, TapsRequantize | null>();

function requantizeOf({ node, g }: Layer): TapsRequantize | null {
  let known = requantizes.get(node);
  if (known === undefined) requantizes.set(node, (known = planRequantize(node, g.outputChannels)));
  return known;
}

/** One shift for all channels, which saturation has built in, where there is such a form; else that of requantize.ts. */
function planRequantize(node: IntegerNode, channels: number): TapsRequantize | null {
  const folded = foldRequantize(node, channels);
  if (!folded || folded.saturation.bits > 8) return null;
  const { signed, bits } = folded.saturation;
  const end = { saturate: signed ? 'ssat' : 'usat', bits };
  const suffix = `${signed ? 's' : 'u'}${bits}`;
  const uniform = uniformRequantize(node, channels);
  if (uniform) {
    const { scale, shift } = uniform;
    const view = { away: false, multiply: 'smmla', shifted: false, immediate: shift, ...end };
    return { scale, shifted: false, channels: uniform.channels.map((c) => ({ ...c, shift })), view, suffix: `line${shift}_${scale}_${suffix}` };
  }
  const { kind, unshifted, doubled } = folded;
  const view = { away: kind === 'away', multiply: kind === 'floor' ? 'smmla' : 'smmlar', shifted: !unshifted, immediate: 0, ...end };
  const scale = doubled ? 1 : 0;
  return { scale, shifted: !unshifted, channels: folded.channels.map((c) => ({ ...c, nudge: 0 })), view, suffix: `${kind}${unshifted ? '_high' : ''}_${scale}_${suffix}` };
}

function fits({ features, graph, group: [node] }: KernelContext): boolean {
  const layer = read(node!, graph);
  const { t, g, taps } = layer;
  const bytes = [t.x, t.y, t.weights].every((tensor) => tensor.type.bits <= 8 && !tensor.type.packed);
  const single = g.outputChannels === g.inputChannels && g.inputChannels >= 4 && !biasClassesOf(node!) && !t.x.constant;
  return features.dsp && features.unalignedAccess && bytes && single && taps >= 2 && requantizeOf(layer) !== null;
}

/** Codes at the top of lanes: sums without biases are this many bits more than their value. */
const PACKED_SCALE = 12;
const PACKED_BITS = 4;

/** The sums of packed weights must not leave 32 bits. */
function isPacked({ weights }: KernelContext, { t, taps }: Layer): boolean {
  const reach = taps * 2 ** (PACKED_BITS - 1) * 255;
  return weights === 'packed' && packedBitsOf(t.weightCodes) !== null && reach * 2 ** PACKED_SCALE < 2 ** 31;
}

/** Of every four channels: weights of two taps in turn, then each channel's constants. */
function packStream({ node, t, g, taps }: Layer, requantize: TapsRequantize, packed: boolean): Int32Array {
  const channels = g.outputChannels;
  const words: number[] = [];
  const weight = (tap: number, channel: number) => (tap < taps ? t.weightCodes[tap * channels + channel]! : 0);
  for (let group = 0; group < channels; group += 4) {
    const first = Math.min(group, channels - 4);
    for (let tap = 0; tap < taps; tap += 2) {
      if (packed) words.push(packLanes([0, 1, 2, 3].map((i) => [weight(tap, first + i), weight(tap + 1, first + i)] as const), PACKED_BITS));
      else for (const c of [first, first + 2]) words.push(packWord([weight(tap, c), weight(tap, c + 1), weight(tap + 1, c), weight(tap + 1, c + 1)], 8));
    }
    for (let c = first; c < first + 4; c++) {
      const { nudge, multiplier, addend, shift } = requantize.channels[c]!;
      const sum = Array.from({ length: taps }, (_, tap) => weight(tap, c)).reduce((a, b) => a + b, 0);
      const bias = (t.biasCodes[c]! - inputZeroPointOf(node) * sum) * 2 ** requantize.scale + nudge;
      words.push(Number(BigInt.asIntN(32, BigInt(bias))), multiplier, addend, ...(requantize.shifted ? [shift] : []));
    }
  }
  return Int32Array.from(words);
}

function instantiate(context: KernelContext): KernelInstance {
  const { graph, group: [node] } = context;
  const layer = read(node!, graph);
  const { t, g, taps } = layer;
  const requantize = requantizeOf(layer)!;
  const sign = t.x.type.signed ? 's8' : 'u8';
  const packed = isPacked(context, layer);
  const suffix = `${sign}_${packed ? 'w4_' : ''}${requantize.suffix}`;
  const { padded } = borderView(g, node!);
  const tapBytes = 4 * (taps + (taps % 2));
  return {
    family: 'dsp',
    template: 'dsp/depthwise-general',
    stem: linearStem('depthwise_conv2d', t, node!, 'taps'),
    view: { ...g, padded, inputType: cType(t.x.type), outputType: cType(t.y.type), suffix, taps, tapBytes, odd: taps % 2 === 1 },
    arguments: [
      ...activationArguments([node!.inputs[0]!], node!.outputs[0]!),
      { kind: 'constant', name: 'stream', data: packStream(layer, requantize, packed) },
      ...(padded ? [paddingArgument(g, node!, t.x.type)] : []),
      { kind: 'scratch' },
    ],
    scratchBytes: tapBytes,
    scalars: [],
    // The last group is the one whose channels are not all written before.
    overlap: slidingOverlap(g, t.x, t.y, { block: g.outputChannels % 4 || 4 }),
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/depthwise-taps', view: { ...requantize.view, suffix, packed, unpack: PACKED_SCALE - requantize.scale, scale: requantize.scale, extend: t.x.type.signed ? 'sxtb16' : 'uxtb16', sums: SUMS } },
    ],
  };
}

export const dspDepthwiseGeneral: Kernel = { family: 'dsp', when: fits, instantiate };
