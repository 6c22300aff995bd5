/** The seam between a QuantizationPlan and the integer nodes that operators emit from it. */
import type { FloatGraph, FloatNode, FloatTensor, TensorId } from '../graph/float.js';
import type { Attributes, IntegerNode, IntegerTensor, Requantize, WeightEncoding } from '../graph/integer.js';
import type { ShiftEncoding } from './shift/weights.js';
import type { TwinRanges } from './twin.js';

export type Arithmetic = 'dyadic' | 'tflite' | 'tflite-single' | 'shift';

/** real = scale·(code − zeroPoint), codes of `bits` bits. */
export interface ActivationPlan {
  readonly bits: number;
  readonly signed: boolean;
  readonly scale: number;
  readonly zeroPoint: number;
  /** Two ranges, shifted into one lane; the zero point is 0. Absent: every code of the type. */
  readonly twin?: TwinRanges;
}

/** Weights of one constant: codes with one scale a channel (or one for all), zero point 0. */
export interface WeightPlan {
  readonly bits: number;
  /** Length 1 or the size of the channel axis. Negative where a channel's codes are flipped, so that the lowest one serves its positive tail. */
  readonly scale: readonly number[];
  readonly axis: number | null;
  readonly codes: Int8Array | Int16Array;
  /** Where the codes are sums of powers of two; absent: any integers. */
  readonly encoding?: ShiftEncoding;
}

/** What quantization methods decide, and lowering only carries out. Keys are tensor ids of the float graph. */
export interface QuantizationPlan {
  readonly arith: Arithmetic;
  readonly method: string;
  readonly bits: string;
  readonly seed: number;
  readonly calibrationSha256: string | null;
  readonly activations: ReadonlyMap<TensorId, ActivationPlan>;
  readonly weights: ReadonlyMap<TensorId, WeightPlan>;
  /** Biases after correction or in stored codes; where absent the float bias is rounded at Sx·Sw. */
  readonly biases: ReadonlyMap<TensorId, { readonly real: Float64Array } | { readonly codes: Int32Array }>;
  /** Activations that got fewer bits than were asked for, so that 32 bits hold every accumulator. */
  readonly narrowed?: readonly NarrowedActivation[];
  /** What else the user should hear. */
  readonly remarks?: readonly string[];
}

export interface NarrowedActivation {
  readonly tensor: TensorId;
  readonly bits: number;
  /** The user's name of the layer whose accumulator asks for it. */
  readonly layer: string;
}

export type ScaleRule =
  /** Every output has a range of its own. */
  | { readonly kind: 'own' }
  /** Outputs share the scale of the given activation inputs (all of them: concat), exact copies of codes. */
  | { readonly kind: 'same'; readonly inputs: readonly number[] }
  /**
   * The output's scale follows from the operator (softmax: 1/256, −128). `largest`: the magnitude that codes of more than 8
   * bits reach where they may be asked for; absent where the operator writes 8 bits only.
   */
  | { readonly kind: 'fixed'; readonly scale: number; readonly zeroPoint: number; readonly largest?: number };

/** Given to FloatSide.lower; collects integer tensors and nodes. */
export interface LowerContext {
  readonly graph: FloatGraph;
  readonly arith: Arithmetic;
  float(id: TensorId): FloatTensor;
  /** Scale, zero point and bits of an activation of the float graph; throws where the plan has none. */
  activation(id: TensorId): ActivationPlan;
  weight(id: TensorId): WeightPlan;
  /** Bias codes at the given scales (one a channel): stored or corrected where the plan has them, else rounded half away from zero. */
  biasCodes(id: TensorId | undefined, scales: readonly number[], channels: number): Int32Array;
  /** The integer tensor that stands for a float tensor (an activation already lowered, or a constant quantized by the plan's activation entry). */
  integer(id: TensorId): IntegerTensor;
  /** Declares the integer tensor of a float activation, its type and real meaning from the plan. */
  output(id: TensorId): IntegerTensor;
  /** Declares an intermediate tensor that no float tensor stands for. */
  intermediate(name: string, shape: readonly number[], plan: ActivationPlan, node: FloatNode): IntegerTensor;
  /** Adds a constant and returns its id. */
  constant(name: string, shape: readonly number[], bits: number, signed: boolean, codes: Int8Array | Uint8Array | Int16Array | Int32Array, real?: IntegerTensor['real'], encoding?: WeightEncoding): TensorId;
  emit(node: {
    readonly op: string;
    readonly inputs: readonly TensorId[];
    readonly outputs: readonly TensorId[];
    readonly attributes: Attributes;
    readonly requantize?: Requantize;
    readonly from: FloatNode;
  }): IntegerNode;
  /**
   * Requantization from accumulators of the given real scales (one a channel, or one) to `output`, in the mode of the
   * profile, clamped to the codes of `activation` (a fused real range) and of the type.
   */
  requantize(accumulatorScales: readonly number[], output: ActivationPlan, activation?: { readonly min: number; readonly max: number }): Requantize;
  /** Says that this node cannot be lowered; all of them are reported at once. */
  unsupported(node: FloatNode, reason: string, nearest?: string): void;
}
