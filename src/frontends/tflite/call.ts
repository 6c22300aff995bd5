/** An operator of a .tflite file: its options by field id, its outputs as the file declares them. */
import type { Origin } from '../../errors.js';
import type { SourceQuantization } from '../../graph/float.js';
import { unsupported, type ImportContext, type SourceValue } from '../import-context.js';
import { RELU, RELU6, TensorflowCall, type ActivationAttribute } from '../tensorflow/call.js';
import type { TfliteOperator, TfliteTensor } from './reader.js';
import { ACTIVATION } from './schema.js';
import { activationQuantization } from './values.js';

export type Importer = (call: OperatorCall) => void;

export class OperatorCall extends TensorflowCall {
  constructor(
    context: ImportContext,
    readonly operator: TfliteOperator,
    origin: Origin,
    inputs: readonly (SourceValue | null)[],
    readonly outputs: readonly TfliteTensor[],
  ) {
    super(context, origin, inputs, outputs.map((o) => o.name));
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
  activation(field: number): ActivationAttribute {
    switch (this.byte(field)) {
      case ACTIVATION.none:
        return null;
      case ACTIVATION.relu:
        return RELU;
      case ACTIVATION.relu6:
        return RELU6;
      case ACTIVATION.reluMinus1To1:
        return { min: -1, max: 1 };
      case ACTIVATION.tanh:
        return unsupported('fused activation TANH', 'a TANH operator behind it');
      default:
        return unsupported('fused activation SIGN_BIT', 'RELU, RELU6 or RELU_N1_TO_1');
    }
  }

  override quantization(i: number): SourceQuantization | undefined {
    return activationQuantization(this.outputs[i]!);
  }

  protected override publish(value: SourceValue, i: number): void {
    const { index, shape, openAxes, name } = this.outputs[i]!;
    if (openAxes.length === 0 && shape.length > 0 && shape.join() !== value.shape.join()) {
      this.fail(`gives [${value.shape.join(', ')}], but the file declares '${name}' as [${shape.join(', ')}]`);
    }
    this.context.define(String(index), value);
  }
}
