/** Sums of products with 3 rows x 2 channels in registers: what convolutions and fully connected layers share. */
import type { IntegerNode } from '../../graph/integer.js';
import { inputZeroPointOf, type LinearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import type { KernelContext, SupportText } from '../kernel.js';
import { type FoldedRequantize, foldRequantize } from './requantize.js';
import { packPairs, pairWords, type StreamSource } from './stream.js';

/** Rows in registers at a time; a layer needs at least as many. */
export const BLOCK_ROWS = 3;
/** Rounds of four values in the unrolled loop, and the bytes of one (templates/c/dsp/products-3x2.hbs). */
const UNROLL = 15;
const ROUND_BYTES = 72;

/** Bytes in, bytes out, int8 weights, sums that requantize in the folded form. */
export function fitsProducts({ features, graph, group: [node] }: KernelContext, t: LinearTensors, channels: number): FoldedRequantize | null {
  const bytes = t.x.type.bits <= 8 && t.y.type.bits <= 8 && t.weights.type.bits <= 8 && !t.x.type.packed && !t.y.type.packed;
  if (!features.dsp || !features.unalignedAccess || !bytes || channels < 2 || !graph.tensors.has(t.x.id)) return null;
  const folded = foldRequantize(node, channels);
  return folded && folded.saturation.bits <= 8 ? folded : null;
}

export interface ProductsSizes {
  readonly laneBytes: number;
  readonly streamBytes: number;
  readonly outputStride: number;
  readonly skippedBytes: number;
}

export interface ProductsPlan {
  readonly stream: Int32Array;
  /** Fields of the templates that call the products. */
  readonly view: { readonly suffix: string; readonly lastStream: number; readonly lastChannel: number; readonly pairs: ProductsSizes; readonly last: ProductsSizes };
  readonly laneBytes: number;
  readonly support: readonly SupportText[];
}

/** Weights [channels, depth] as a stream, the sizes that go with it, and the functions that consume it. */
export function planProducts(node: IntegerNode, t: LinearTensors, channels: number, depth: number, requantize: FoldedRequantize): ProductsPlan {
  const source = streamSource(node, t, channels, depth, requantize);
  const even = channels - (channels % 2);
  const pairs = Array.from({ length: even / 2 }, (_, i) => [2 * i, 2 * i + 1] as const);
  const stream = packPairs(source, channels % 2 === 0 ? pairs : [...pairs, [channels - 2, channels - 1]]);
  const rounds = Math.ceil(depth / 4);
  const laneBytes = rounds * 4 * 2 * BLOCK_ROWS;
  const words = pairWords(source);
  const sizes = (count: number): ProductsSizes => ({ laneBytes, streamBytes: 4 * words * count, outputStride: channels, skippedBytes: ROUND_BYTES * skippedRounds(rounds - 1) });
  const suffix = `${inputSuffix(t, requantize)}_${outputSuffix(requantize)}`;
  return {
    stream,
    view: { suffix, lastStream: words * pairs.length, lastChannel: channels % 2 === 0 ? 0 : channels - 2, pairs: sizes(pairs.length), last: sizes(1) },
    laneBytes,
    support: [
      { template: 'dsp/assembly', view: {} },
      { template: 'dsp/products-sizes', view: {} },
      { template: 'dsp/widen-rows', view: widenView(t, requantize) },
      { template: 'dsp/products-3x2', view: productsView(suffix, requantize) },
    ],
  };
}

/** Rounds that the first pass of the loop jumps over, so that the last pass ends with the loop. */
function skippedRounds(rounds: number): number {
  return rounds === 0 ? UNROLL : (UNROLL - (rounds % UNROLL)) % UNROLL;
}

/** Lanes hold value + offset, doubled where the requantization wants twice the sum: the bias makes up for it. */
function streamSource(node: IntegerNode, t: LinearTensors, channels: number, depth: number, requantize: FoldedRequantize): StreamSource {
  const sums = rowSums(t.weightCodes, channels);
  const offset = inputZeroPointOf(node) + laneOffset(t, requantize);
  const scale = requantize.doubled ? 2 : 1;
  return {
    row: (channel) => t.weightCodes.subarray(channel * depth, (channel + 1) * depth),
    depth,
    bias: (channel) => scale * (t.biasCodes[channel]! - offset * sums[channel]!),
    requantize,
  };
}

/** Doubling is a mask, which wants unsigned bytes. */
function laneOffset(t: LinearTensors, requantize: FoldedRequantize): number {
  return requantize.doubled && t.x.type.signed ? 128 : 0;
}

export function inputSuffix(t: LinearTensors, requantize: FoldedRequantize): string {
  return `${t.x.type.signed ? 's8' : 'u8'}${requantize.doubled ? '_doubled' : ''}`;
}

function outputSuffix({ kind, unshifted, saturation }: FoldedRequantize): string {
  return `${kind}${unshifted ? '_high' : ''}_${saturation.signed ? 's' : 'u'}${saturation.bits}`;
}

function widenView(t: LinearTensors, requantize: FoldedRequantize): object {
  const { signed } = t.x.type;
  return { suffix: inputSuffix(t, requantize), signed, doubled: requantize.doubled, offset: laneOffset(t, requantize) !== 0, extend: signed ? 'sxtb16' : 'uxtb16' };
}

/** Registers of the sums of each channel and where they go: the first row last, since its store steps to the next channel. */
const SUMS = [
  { sums: [{ sum: 'r9', address: '[r5, r7]' }, { sum: 'r10', address: '[r5, r7, lsl #1]' }, { sum: 'r8', address: '[r5], #1' }] },
  { sums: [{ sum: 'r12', address: '[r5, r7]' }, { sum: 'lr', address: '[r5, r7, lsl #1]' }, { sum: 'r11', address: '[r5], #1' }] },
] as const;

function productsView(suffix: string, { kind, unshifted, saturation }: FoldedRequantize): object {
  return {
    suffix,
    unroll: UNROLL,
    shifted: !unshifted,
    away: kind === 'away',
    multiply: kind === 'floor' ? 'smmla' : 'smmlar',
    saturate: saturation.signed ? 'ssat' : 'usat',
    bits: saturation.bits,
    channels: SUMS,
  };
}
