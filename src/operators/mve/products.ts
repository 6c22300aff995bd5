/** Sums of products on Helium, 16 bytes an instruction: what convolutions and fully connected layers share. */
import type { IntegerNode, IntegerTensor } from '../../graph/integer.js';
import type { KernelContext, SupportText } from '../kernel.js';
import type { LinearTensors } from '../linear/integer.js';
import { foldedBias, rowSums } from '../linear/kernels.js';
import { packedBitsOf, packWord } from '../packing.js';
import { type VectorRequantize, vectorRequantize } from './requantize.js';

/** Bytes of a vector, 32-bit lanes of one, the most rows that share a load of weights. */
export const VECTOR = 16;
export const LANES = 4;
export const BLOCK_ROWS = 3;
/** Bits of a packed weight; codes of 2 bits take as many. */
const PACKED_BITS = 4;
/** 16·8·128 times as many products stay below 2^31. */
const MOST_PACKED_DEPTH = 2 ** 17;

/** Bytes in and out, int8 weights, and a requantization that vectors can do. */
export function fitsVectors({ features, group: [node] }: KernelContext, t: LinearTensors, channels: number): VectorRequantize | null {
  if (!features.mve || !isSignedBytes(t.x) || !isBytes(t.y) || t.weights.type.bits > 8) return null;
  return vectorRequantize(node, channels);
}

export function isBytes({ type }: IntegerTensor): boolean {
  return type.bits <= 8 && !type.packed;
}

export function isSignedBytes(tensor: IntegerTensor): boolean {
  return isBytes(tensor) && tensor.type.signed;
}

/** Fields of templates that requantize vectors; `suffix` tells them all. */
export interface VectorView {
  readonly suffix: string;
  readonly round: boolean;
  readonly floor: boolean;
  readonly isDouble: boolean;
  readonly away: boolean;
  readonly mixed: boolean;
  /** The clamp is narrower than what saturation to the output's lane does by itself. */
  readonly clamped: boolean;
  /** Mnemonic part of the saturating move to bytes: VQMOVN or VQMOVUN. */
  readonly narrow: 'n' | 'un';
  /** Type of the output's lanes. */
  readonly lane: 's8' | 'u8';
}

export function vectorView({ kind, clamp: [low, high] }: VectorRequantize, { type: { signed } }: IntegerTensor): VectorView {
  const isDouble = kind === 'double' || kind === 'away' || kind === 'mixed';
  const clamped = signed ? low > -128 || high < 127 : low > 0 || high < 255;
  return {
    suffix: `${kind}_${signed ? 's8' : 'u8'}${clamped ? '_clamped' : ''}`,
    round: kind === 'round',
    floor: kind === 'floor',
    isDouble,
    away: kind === 'away',
    mixed: kind === 'mixed',
    clamped,
    narrow: signed ? 'n' : 'un',
    lane: signed ? 's8' : 'u8',
  };
}

/** Zero point and clamp as literals. */
export function endView({ zeroPoint, clamp }: VectorRequantize): { readonly zeroPoint: number; readonly low: number; readonly high: number } {
  return { zeroPoint, low: clamp[0], high: clamp[1] };
}

/** Bytes of a stream that assembly consumes from front to end. */
export class StreamWriter {
  private readonly bytes: number[] = [];

  byte(value: number): void {
    this.bytes.push(value);
  }

  word(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.bytes.push((value >> shift) << 24 >> 24);
  }

  finish(): Int8Array {
    return Int8Array.from(this.bytes);
  }
}

interface Source {
  readonly codes: ArrayLike<number>;
  readonly bias: Int32Array;
  readonly channels: number;
  readonly depth: number;
  readonly requantize: VectorRequantize;
}

/**
 * The functions that multiply, and which of four channels take turns in their streams, 16 bytes each; `pairs`: where weights are
 * packed, the channels in the low and the high halves of the bytes.
 */
const BODIES = {
  single: { rows: 1, template: 'products-1x4', turns: [[0, 1, 2, 3]], pairs: [[[0, 1], [2, 3]]], multipliers: 'q1', shifts: 'q2', vectors: ['q5'] },
  blocked: { rows: 3, template: 'products-3x4', turns: [[0, 2], [1, 3]], pairs: [[[0, 2]], [[1, 3]]], multipliers: 'q1', shifts: 'q2', vectors: ['q5', 'q6', 'q7'] },
  short: { rows: 3, template: 'products-short-3x4', turns: [[0, 2], [1, 3]], pairs: [[[0, 2]], [[1, 3]]], multipliers: 'q3', shifts: 'q4', vectors: ['q5', 'q6', 'q7'] },
  middling: { rows: 2, template: 'products-short-2x4', turns: [[0], [2], [1], [3]], pairs: [[[0, 2]], [[1, 3]]], multipliers: 'q4', shifts: 'q5', vectors: ['q6', 'q7'] },
} as const;

/** Lanes into which the sums of two channels go. */
const HALVES = [{ high: 2, low: 0 }, { high: 3, low: 1 }];

function bodyFor(rows: number, depth: number) {
  if (rows < BLOCK_ROWS) return BODIES.single;
  return depth <= VECTOR ? BODIES.short : depth <= 2 * VECTOR ? BODIES.middling : BODIES.blocked;
}

/** Lanes of `turns`: one channel a vector, or two, the first in the low halves of its bytes. */
function packStream({ codes, bias, channels, depth, requantize }: Source, turns: readonly (readonly (readonly number[])[])[]): Int8Array {
  const stream = new StreamWriter();
  const weight = (channel: number, k: number) => (channel < channels && k < depth ? codes[channel * depth + k]! : 0);
  const byteOf = ([low, high]: readonly number[], group: number, k: number) =>
    high === undefined ? weight(group + low!, k) : (packWord([weight(group + low!, k), weight(group + high, k)], PACKED_BITS) << 24) >> 24;
  for (let group = 0; group < channels; group += LANES) {
    for (const vectors of turns) {
      for (let k = 0; k < depth; k += VECTOR) {
        for (const lanes of vectors) {
          for (let i = 0; i < VECTOR; i++) stream.byte(byteOf(lanes, group, k + i));
        }
      }
    }
    const four = Array.from({ length: LANES }, (_, lane) => group + lane);
    writeConstants(stream, four, bias, requantize);
  }
  return stream.finish();
}

/** Biases, multipliers and (unless no channel has one) shifts of the channels of one vector; 0 beyond the last channel. */
export function writeConstants(stream: StreamWriter, channels: readonly number[], bias: ArrayLike<number> | null, { kind, channels: constants }: VectorRequantize): void {
  if (bias) channels.forEach((c) => stream.word(bias[c] ?? 0));
  channels.forEach((c) => stream.word(constants[c]?.multiplier ?? 0));
  if (kind !== 'round') channels.forEach((c) => stream.word(0 - (constants[c]?.shift ?? 0)));
}

export interface ProductsPlan {
  /** Rows that one call takes. */
  readonly block: number;
  /** The rows are read once, before anything is written. */
  readonly keepsRows: boolean;
  readonly stream: Int8Array;
  readonly view: { readonly body: string; readonly block: number; readonly depth: number; readonly channels: number; readonly zeroPoint: number; readonly low: number; readonly high: number };
  readonly support: readonly SupportText[];
}

/** Two codes a byte: every weight fits 4 bits, and the sums of one half, 16 times too large until they are shifted, fit 32. */
function packs({ weights }: KernelContext, t: LinearTensors, depth: number): boolean {
  return weights === 'packed' && packedBitsOf(t.weightCodes) !== null && depth < MOST_PACKED_DEPTH;
}

/** Weights [channels, depth] as the stream of the function that multiplies `rows` rows with them. */
export function planProducts(context: KernelContext, t: LinearTensors, sizes: { readonly rows: number; readonly channels: number; readonly depth: number }, requantize: VectorRequantize): ProductsPlan {
  const [node] = context.group as readonly [IntegerNode];
  const { rows, channels, depth } = sizes;
  const bias = foldedBias(node, t, rowSums(t.weightCodes, channels));
  const { rows: block, template, turns, pairs, ...registers } = bodyFor(rows, depth);
  const vectors = vectorView(requantize, t.y);
  const packed = packs(context, t, depth);
  const suffix = `${vectors.suffix}${packed ? '_packed' : ''}`;
  const order = packed ? pairs : turns.map((lanes) => lanes.map((lane) => [lane]));
  const view = { ...vectors, suffix, packed, rowTerms: false, ...registers, halves: HALVES };
  return {
    block,
    keepsRows: template.includes('short'),
    stream: packStream({ codes: t.weightCodes, bias, channels, depth, requantize }, order),
    view: { body: `ptq_mve_${template.replaceAll('-', '_')}_${suffix}`, block, depth, channels, ...endView(requantize) },
    support: [{ template: 'mve/products-job', view: {} }, { template: `mve/${template}`, view }],
  };
}

export interface ActivationProducts {
  /** Rows that one call takes. */
  readonly block: number;
  /** Runs of vectors that hold the channels of a group of four in turn. */
  readonly turns: number;
  readonly body: string;
  readonly support: readonly SupportText[];
}

/** The function that multiplies rows with a stream made at run time; every row has an addend of its own. */
export function activationProducts(rows: number, requantize: VectorRequantize, y: IntegerTensor): ActivationProducts {
  const { rows: block, template, turns, pairs: _, ...registers } = rows < BLOCK_ROWS ? BODIES.single : BODIES.blocked;
  const vectors = vectorView(requantize, y);
  const suffix = `${vectors.suffix}_rows`;
  const view = { ...vectors, suffix, packed: false, rowTerms: true, ...registers, halves: HALVES };
  return { block, turns: turns.length, body: `ptq_mve_${template.replaceAll('-', '_')}_${suffix}`, support: [{ template: 'mve/products-job', view: {} }, { template: `mve/${template}`, view }] };
}
