import type { TensorId } from '../graph/float.js';

/** Preprocessing of raw data: (x·scale − mean)/std per channel. */
export interface Preprocess {
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  /** How the data are stored where that differs from the model's input. */
  readonly layout: 'nhwc' | 'nchw' | null;
}

export type RawArray = Float32Array | Float64Array | Uint8Array | Int8Array | Int16Array | Int32Array | BigInt64Array;

/** Samples for every graph input, already in the float graph's order of axes. */
export interface SampleSet {
  readonly count: number;
  /** Port name → `count` samples, concatenated, in the graph's per-sample shape. Real values, or integers for index inputs. */
  readonly inputs: ReadonlyMap<string, Float32Array | Int32Array>;
  /** Port name → codes given directly (an array of exactly the quantized input's type); same order. */
  readonly codes: ReadonlyMap<string, Int8Array | Uint8Array | Int16Array>;
  /** Raw uint8 data before preprocessing, where the firmware's input table can take them. */
  readonly raw: ReadonlyMap<string, Uint8Array>;
  readonly sha256: string;
}

/** Ranges of activations as an observer chose them, over every calibration sample. */
export interface CalibrationTable {
  readonly observer: string;
  readonly samples: number;
  readonly sha256: string;
  /** The clipping range [low, high] of each float activation. */
  readonly ranges: ReadonlyMap<TensorId, { readonly low: number; readonly high: number; readonly min: number; readonly max: number; readonly histogram: { readonly low: number; readonly high: number; readonly counts: readonly number[] } }>;
}
