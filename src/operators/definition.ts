/**
 * What one operator is: shape rule, float evaluation, lowering to integers, accumulator bound, kernels that can emit it.
 * One definition a file, one line in index.ts; beside it under the same basename the simulator's loop nest
 * (sim/kernels/), the templates (templates/c/) and the test (test/operators/).
 */
import type { Attributes, FloatDataType, FloatNode, TensorId } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode, IntegerTensor } from '../graph/integer.js';
import type { tf } from '../tensor/index.js';
import type { Kernel } from './kernel.js';
import type { Arithmetic, LowerContext, ScaleRule } from './lower.js';

export interface ShapedInput {
  readonly id: TensorId;
  readonly shape: readonly number[];
  readonly type: FloatDataType;
  readonly data?: Float32Array | Int32Array;
}

/** Evaluation on TensorFlow.js. Activations carry a leading batch axis; constants carry none. */
export interface EvaluateContext {
  /** Number of samples: the leading axis of every activation. */
  readonly batch: number;
  /** One entry an input; `constant` tells whether it has no batch axis. */
  readonly inputs: readonly { readonly value: tf.Tensor; readonly constant: boolean; readonly shape: readonly number[] }[];
  /** Per-sample shapes of the outputs. */
  readonly outputShapes: readonly (readonly number[])[];
}

export interface FloatSide {
  /** Per-sample output shapes; throws ShapeError for an inconsistent node. */
  inferShapes(node: FloatNode, inputs: readonly ShapedInput[]): readonly (readonly number[])[];
  /** Type of the outputs; float32 unless said. */
  outputType?(node: FloatNode, inputs: readonly ShapedInput[]): FloatDataType;
  evaluate(node: FloatNode, context: EvaluateContext): readonly tf.Tensor[];
  /** Multiply-accumulates of one sample; 0 where the field counts none (add, pool, softmax). */
  macs?(node: FloatNode, inputs: readonly ShapedInput[], outputShapes: readonly (readonly number[])[]): number;
  /** How the scales of inputs and outputs hang together (default: every output has its own observed range). */
  scaleRule?(node: FloatNode, arith: Arithmetic): ScaleRule;
  /** Indices of inputs that are weights (quantized symmetrically, per channel) and of the bias. */
  weights?: { readonly input: number; readonly channelAxis: number | 'none'; readonly bias?: number };
  /**
   * Emits the integer node(s) that compute this node. Absent: the operator has a float side only so far, and quantizing
   * a model that uses it is an UnsupportedOperatorError naming every such node.
   */
  lower?(node: FloatNode, context: LowerContext): void;
}

export interface IntegerSide {
  /** Throws IntegerGraphError when shapes, types, attributes or requantization of the node contradict each other. */
  verify(node: IntegerNode, graph: IntegerGraph): void;
  /** Proven worst case of every accumulator from constants and the inputs' code ranges; absent for operators without one. */
  bounds?(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds;
  macs?(node: IntegerNode, graph: IntegerGraph): number;
  /** The output is the input's memory under another shape (reshape): no step, no copy. */
  alias?: boolean;
  /** Best first; the last one is `portable` and always matches. */
  readonly kernels: readonly Kernel[];
}

export interface OperatorDefinition {
  /** The basename (kebab-case): `conv2d`, `depthwise-conv2d`, … */
  readonly name: string;
  readonly float?: FloatSide;
  readonly integer?: IntegerSide;
}

export function defineOperator(definition: OperatorDefinition): OperatorDefinition {
  return definition;
}

export type { Attributes, IntegerTensor };
