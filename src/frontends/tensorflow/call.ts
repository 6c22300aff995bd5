/** One operator of a TensorFlow file (TFLite or TF.js graph) while it is imported: its inputs, and where its results go. */
import { ModelFormatError, type Origin } from '../../errors.js';
import type { Attributes, FusedActivation, SourceQuantization, TensorId } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import { unsupported, type ImportContext, type SourceValue } from '../import-context.js';

export abstract class TensorflowCall {
  constructor(
    readonly context: ImportContext,
    readonly origin: Origin,
    /** Null where the file leaves an optional input out. */
    readonly inputs: readonly (SourceValue | null)[],
    readonly outputNames: readonly string[],
  ) {}

  /** The scale that the file states for result `i`. */
  abstract quantization(i: number): SourceQuantization | undefined;
  /** Stores result `i` under the file's own key. */
  protected abstract publish(value: SourceValue, i: number): void;

  fail(message: string): never {
    throw new ModelFormatError(`${this.origin.file}: ${this.origin.opType} '${this.origin.nodeName}': ${message}`, { origin: this.origin });
  }

  input(i: number): SourceValue {
    return this.inputs[i] ?? this.fail(`input ${i} is missing`);
  }

  optional(i: number): SourceValue | null {
    return this.inputs[i] ?? null;
  }

  /** A weight or parameter that must be known now. */
  constant(i: number, what: string): ConstantArray {
    return this.input(i).constant ?? unsupported(`${what} are computed at run time`, `constant ${what}`);
  }

  integers(i: number, what: string): readonly number[] {
    return Array.from(this.constant(i, what).data);
  }

  /** Emits the node whose result is result `i` of the operator: it gets that tensor's name and scale. */
  emitLast(op: string, inputs: readonly TensorId[], attributes: Attributes, i = 0): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin, this.outputNames[i], this.quantization(i));
  }

  /** Emits a node in the middle of a decomposition. It has no scale of its own, so a quantized file cannot say what it means. */
  emitMiddle(op: string, inputs: readonly TensorId[], attributes: Attributes): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin);
  }

  /** Refuses decompositions whose middle would need a scale that the file does not state. */
  requireFloat(nearest: string): void {
    if (this.quantization(0)) unsupported('its quantized form', nearest);
  }

  /** Result `i` is a tensor of the graph, the source's batch being axis `batchAxis` of its source shape. */
  define(tensor: TensorId, batchAxis: number | null, i = 0): void {
    const q = this.quantization(i);
    const name = this.outputNames[i]!;
    const id = q ? this.context.quantized(tensor, q, this.origin, name) : tensor;
    this.publish(this.context.activation(name, id, batchAxis), i);
  }

  defineConstant(constant: ConstantArray, i = 0): void {
    this.publish(this.context.constant(this.outputNames[i]!, constant), i);
  }
}

/** A fused activation as an attribute. */
export type ActivationAttribute = { readonly min: number; readonly max: number } | null;

export const RELU: FusedActivation & ActivationAttribute = { min: 0, max: Infinity };
export const RELU6: FusedActivation & ActivationAttribute = { min: 0, max: 6 };
