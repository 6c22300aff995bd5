/**
 * The FloatGraph: what every front end produces and every float pass rewrites.
 *
 * Shapes are per sample: there is no batch axis (the executor adds one in front), and images are channels last
 * ([height, width, channels]). All values are readonly; passes return new graphs.
 */
import type { Origin } from '../errors.js';

export type { Origin } from '../errors.js';

/** Unique within one graph. */
export type TensorId = string;

export type FloatDataType = 'float32' | 'int32' | 'bool';

/** Codes and scales that a model file already carries (TFLite int8, hybrid TFLite, QDQ ONNX). Never requantized. */
export interface SourceQuantization {
  readonly scale: readonly number[];
  readonly zeroPoint: readonly number[];
  /** Axis of the per-channel scales, null where one scale serves the tensor. */
  readonly axis: number | null;
  readonly bits: number;
  readonly signed: boolean;
  /** The stored integers of a constant, in the tensor's own (per-sample, channels-last) order. */
  readonly codes?: Int8Array | Uint8Array | Int16Array | Int32Array;
}

/** One of each a channel. */
export interface ChannelMoments {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

export interface FloatTensor {
  readonly id: TensorId;
  /** The user's name for it. */
  readonly name: string;
  /** Per sample, channels last; constants have no batch axis either. */
  readonly shape: readonly number[];
  readonly type: FloatDataType;
  /** Present for constants, row-major. Constants that carry codes hold the dequantized values here. */
  readonly data?: Float32Array | Int32Array;
  readonly quantization?: SourceQuantization;
  /** Of a shift or bias: what batch normalization, folded into the layer, saw in training of its outputs before the activation. */
  readonly moments?: ChannelMoments;
  readonly origin: Origin;
}

/** JSON-like values only. Absent activation bounds are ±Infinity. */
export type AttributeValue = number | string | boolean | null | readonly AttributeValue[] | { readonly [key: string]: AttributeValue };
export type Attributes = { readonly [key: string]: AttributeValue };

/** Clamp fused behind an operator: `activation: { min, max }` among its attributes. */
export interface FusedActivation {
  readonly min: number;
  readonly max: number;
}

export interface FloatNode {
  readonly id: string;
  /** Name of an operator definition, which is also its basename everywhere (law 3). */
  readonly op: string;
  readonly inputs: readonly TensorId[];
  readonly outputs: readonly TensorId[];
  readonly attributes: Attributes;
  readonly origin: Origin;
}

/** A named input or output of the network, and how the user's own array relates to it. */
export interface GraphPort {
  /** The user's name. */
  readonly name: string;
  readonly tensor: TensorId;
  /** Shape in the model file, batch axis included (dynamic axes as 1). */
  readonly sourceShape: readonly number[];
  /** Axis of `sourceShape` that is the batch, null where the file has none. */
  readonly batchAxis: number | null;
  /** Per-sample axis i of the graph's tensor is axis permutation[i] of the file's per-sample shape; null = the same order. */
  readonly permutation: readonly number[] | null;
}

export interface SourceFile {
  readonly file: string;
  readonly format: Origin['format'];
  readonly sha256: string;
}

export interface FloatGraph {
  readonly name: string;
  readonly source: SourceFile;
  readonly inputs: readonly GraphPort[];
  readonly outputs: readonly GraphPort[];
  readonly tensors: ReadonlyMap<TensorId, FloatTensor>;
  /** In execution order. */
  readonly nodes: readonly FloatNode[];
  /** True where the file's own activations carry quantization (an already quantized TFLite or QDQ ONNX file). */
  readonly quantized: boolean;
  /** Multiply-accumulates of one sample before passes left out what nobody reads; absent where none has. */
  readonly nominalMacs?: number;
}

export function elementCount(shape: readonly number[]): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

export function tensorOf(graph: Pick<FloatGraph, 'tensors' | 'name'>, id: TensorId): FloatTensor {
  const tensor = graph.tensors.get(id);
  if (!tensor) throw new Error(`graph '${graph.name}' has no tensor '${id}'`);
  return tensor;
}
