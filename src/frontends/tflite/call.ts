/** One operator of the file while it is imported: its inputs as source values, its options, and where its results go. */
import { ModelFormatError, type Origin } from '../../errors.js';
import type { Attributes, FusedActivation, SourceQuantization, TensorId } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import { unsupported, type ImportContext, type SourceValue } from '../import-context.js';
import type { TfliteOperator, TfliteTensor } from './reader.js';
import { ACTIVATION } from './schema.js';
import { activationQuantization } from './values.js';

export type Importer = (call: OperatorCall) => void;

export class OperatorCall {
  constructor(
    readonly context: ImportContext,
    readonly operator: TfliteOperator,
    readonly origin: Origin,
    /** Null where the file leaves an optional input out. */
    readonly inputs: readonly (SourceValue | null)[],
    readonly outputs: readonly TfliteTensor[],
  ) {}

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

  int(field: number, absent = 0): number {
    return this.operator.options?.int32(field, absent) ?? absent;
  }
  byte(field: number, absent = 0): number {
    return this.operator.options?.int8(field, absent) ?? absent;
  }
  bool(field: number, absent = false): boolean {
    return this.operator.options?.bool(field, absent) ?? absent;
  }
  float(field: number, absent = 0): number {
    return this.operator.options?.float32(field, absent) ?? absent;
  }
  ints(field: number): readonly number[] {
    return this.operator.options?.int32s(field) ?? [];
  }

  /** The clamp fused behind the operator. Other fused functions get nodes of their own in newer files. */
  activation(field: number): FusedActivation | null {
    switch (this.byte(field)) {
      case ACTIVATION.none:
        return null;
      case ACTIVATION.relu:
        return { min: 0, max: Infinity };
      case ACTIVATION.relu6:
        return { min: 0, max: 6 };
      case ACTIVATION.reluMinus1To1:
        return { min: -1, max: 1 };
      case ACTIVATION.tanh:
        return unsupported('fused activation TANH', 'a TANH operator behind it');
      default:
        return unsupported('fused activation SIGN_BIT', 'RELU, RELU6 or RELU_N1_TO_1');
    }
  }

  /** As an attribute: null or a plain object. */
  activationAttribute(field: number): { readonly min: number; readonly max: number } | null {
    return this.activation(field);
  }

  /** Emits the node whose result is output `i` of the operator: it gets that tensor's name and scale. */
  emitLast(op: string, inputs: readonly TensorId[], attributes: Attributes, i = 0): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin, this.outputs[i]!.name, this.quantization(i));
  }

  /** Emits a node in the middle of a decomposition. It has no scale of its own, so a quantized file cannot say what it means. */
  emitMiddle(op: string, inputs: readonly TensorId[], attributes: Attributes): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin);
  }

  /** Refuses decompositions whose middle would need a scale that the file does not state. */
  requireFloat(nearest: string): void {
    if (this.quantization(0)) unsupported('its quantized form', nearest);
  }

  quantization(i: number): SourceQuantization | undefined {
    return activationQuantization(this.outputs[i]!);
  }

  /** Result `i` is a tensor of the graph, the source's batch being axis `batchAxis` of its source shape. */
  define(tensor: TensorId, batchAxis: number | null, i = 0): void {
    const output = this.outputs[i]!;
    const q = this.quantization(i);
    const id = q ? this.context.quantized(tensor, q, this.origin, output.name) : tensor;
    this.defineValue(this.context.activation(output.name, id, batchAxis), i);
  }

  defineConstant(constant: ConstantArray, i = 0): void {
    this.defineValue(this.context.constant(this.outputs[i]!.name, constant), i);
  }

  defineValue(value: SourceValue, i = 0): void {
    const { index, shape, dynamic } = this.outputs[i]!;
    if (!dynamic && shape.length > 0 && shape.join() !== value.shape.join()) {
      this.fail(`gives [${value.shape.join(', ')}], but the file declares '${this.outputs[i]!.name}' as [${shape.join(', ')}]`);
    }
    this.context.define(String(index), value);
  }
}
