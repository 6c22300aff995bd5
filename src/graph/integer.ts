/**
 * The IntegerGraph: the one contract between quantization and everything after it.
 *
 * It holds every integer that decides an output bit, and nothing else. Only `real` speaks of floats; it is for people,
 * reports and the float edge of the firmware interface, and no kernel, emitter or bound reads it.
 */
import type { Attributes, Origin, TensorId } from './float.js';

export type { Attributes, Origin, TensorId } from './float.js';

export const INTEGER_GRAPH_SCHEMA = 'ptq-gen/integer-graph';
export const INTEGER_GRAPH_VERSION = 1;

export type Codes = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array;

export interface IntegerType {
  /** 2…16 or 32. */
  readonly bits: number;
  readonly signed: boolean;
  /** Sub-byte codes packed in memory; false: one lane of 8, 16 or 32 bits a code. */
  readonly packed: boolean;
}

/** What the codes mean to people: real = scale·(code − zeroPoint), or a table, or a twin range (PTQ4ViT). */
export type RealMeaning =
  | { readonly kind: 'affine'; readonly scale: readonly number[]; readonly zeroPoint: readonly number[]; readonly axis: number | null }
  | { readonly kind: 'table'; readonly values: readonly number[] }
  | { readonly kind: 'twin'; readonly negativeScale: number; readonly positiveScale: number };

export type WeightEncoding =
  | { readonly kind: 'affine' }
  | { readonly kind: 'shift'; readonly terms: number; readonly exponentBits: number; readonly perChannelShift: readonly number[] | null };

export interface Constant {
  readonly encoding: WeightEncoding;
  /** One lane a code, row-major; saved as an offset and length of the .ptq.bin file. */
  readonly data: Codes;
}

export interface IntegerTensor {
  readonly id: TensorId;
  readonly name: string;
  /** Per sample, channels last. */
  readonly shape: readonly number[];
  readonly type: IntegerType;
  readonly real: RealMeaning | null;
  readonly constant?: Constant;
  /** Every code lies in [min, max], for every input. */
  readonly codeRange: readonly [number, number];
  readonly origin: Origin;
}

/**
 * Accumulator → output code: a named mode, per tensor (arrays of length 1) or per output channel (last axis), then
 * `+ zeroPoint`, then clamp. Each mode is one scalar function of sim/scalar/requantize.ts.
 */
export type RequantizeMode =
  /** TFLite's double rounding: saturating rounding doubling high multiply, then round half away from zero; shift > 0 is left. */
  | { readonly mode: 'tfliteDouble'; readonly multiplier: readonly number[]; readonly shift: readonly number[] }
  /** TFLite's single rounding: one half-up rounding of the 62-bit product; shift > 0 is left. */
  | { readonly mode: 'tfliteSingle'; readonly multiplier: readonly number[]; readonly shift: readonly number[] }
  /** TFLite's 16x8 form on 64-bit accumulators with a 16-bit multiplier. */
  | { readonly mode: 'tfliteInt16'; readonly multiplier: readonly number[]; readonly shift: readonly number[] }
  /** floor((x·multiplier + 2^(shift−1)) / 2^shift), 1 ≤ shift ≤ 62 (HAWQ-V3's dyadic number, one rounding half up). */
  | { readonly mode: 'dyadic'; readonly multiplier: readonly number[]; readonly shift: readonly number[] }
  /** dyadic with shift 32: one SMMULR on Armv7E-M. */
  | { readonly mode: 'dyadicHigh'; readonly multiplier: readonly number[] }
  /** Power of two: x / 2^shift with the named rounding; shift ≥ 0. */
  | { readonly mode: 'shift'; readonly shift: readonly number[]; readonly rounding: 'floor' | 'halfUp' | 'halfAway' | 'halfEven' }
  /** floor((Σ ±(x << digit) + 2^(shift−1)) / 2^shift): a multiplier as canonical signed digits, for cores without one. */
  | { readonly mode: 'csd'; readonly digits: readonly (readonly { readonly sign: 1 | -1; readonly exponent: number }[])[]; readonly shift: readonly number[] };

export type Requantize = RequantizeMode & {
  /** Added after rounding. */
  readonly zeroPoint: number;
  /** Output clamp: the code range of the type, tightened by a fused activation. */
  readonly clamp: readonly [number, number];
};

export interface AccumulatorBounds {
  /** Worst case over every possible input, one pair an output channel (or one for all). */
  readonly accumulator: readonly (readonly [number, number])[];
  readonly accumulatorBits: 32 | 64;
}

export interface IntegerNode {
  readonly id: string;
  readonly op: string;
  readonly inputs: readonly TensorId[];
  readonly outputs: readonly TensorId[];
  /** Integers, booleans, names, and lists of them. */
  readonly attributes: Attributes;
  readonly requantize?: Requantize;
  readonly bounds?: AccumulatorBounds;
  readonly origin: Origin;
}

/** A named input or output, with the user's own shape and order of axes (as in the float graph). */
export interface IntegerPort {
  readonly name: string;
  readonly tensor: TensorId;
  readonly sourceShape: readonly number[];
  readonly batchAxis: number | null;
  readonly permutation: readonly number[] | null;
}

/** A streaming network's memory: what one call leaves in `read` for the next. */
export interface State {
  readonly read: TensorId;
  readonly write: TensorId;
  readonly initial: number;
}

export interface Provenance {
  readonly tool: string;
  readonly method: string;
  readonly bits: string;
  readonly arith: string;
  readonly seed: number;
  readonly calibrationSha256: string | null;
}

export interface IntegerGraph {
  readonly schema: typeof INTEGER_GRAPH_SCHEMA;
  readonly version: typeof INTEGER_GRAPH_VERSION;
  readonly name: string;
  readonly origin: { readonly file: string; readonly format: string; readonly sha256: string };
  readonly inputs: readonly IntegerPort[];
  readonly outputs: readonly IntegerPort[];
  readonly states: readonly State[];
  readonly tensors: ReadonlyMap<TensorId, IntegerTensor>;
  /** In execution order. */
  readonly nodes: readonly IntegerNode[];
  readonly provenance: Provenance;
  /** Multiply-accumulates of the imported model, before exact folding: the denominator of published figures. */
  readonly nominalMacs: number;
}

export function integerTensor(graph: Pick<IntegerGraph, 'tensors' | 'name'>, id: TensorId): IntegerTensor {
  const tensor = graph.tensors.get(id);
  if (!tensor) throw new Error(`integer graph '${graph.name}' has no tensor '${id}'`);
  return tensor;
}

/** Codes of a constant tensor. */
export function constantCodes(graph: Pick<IntegerGraph, 'tensors' | 'name'>, id: TensorId): Codes {
  const tensor = integerTensor(graph, id);
  if (!tensor.constant) throw new Error(`tensor '${tensor.name}' of '${graph.name}' is no constant`);
  return tensor.constant.data;
}

/** Bytes of one lane of an unpacked tensor. */
export function laneBytes(type: IntegerType): 1 | 2 | 4 {
  return type.bits <= 8 ? 1 : type.bits <= 16 ? 2 : 4;
}
