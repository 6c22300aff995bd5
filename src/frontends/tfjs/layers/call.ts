/** One layer while it is imported. In a LayersModel the batch is always axis 0, so tensors are per sample throughout. */
import { ModelFormatError, type Origin } from '../../../errors.js';
import type { Attributes, TensorId } from '../../../graph/float.js';
import type { ConstantArray } from '../../constant-array.js';
import { unsupported, type ImportContext } from '../../import-context.js';
import type { JsonObject } from '../json.js';

/** Gives the layer's output. */
export type LayerImporter = (layer: LayerCall) => TensorId;

export class LayerCall {
  constructor(
    readonly context: ImportContext,
    readonly origin: Origin,
    readonly config: JsonObject,
    readonly inputs: readonly TensorId[],
    private readonly weights: (name: string) => ConstantArray | undefined,
  ) {}

  fail(message: string): never {
    throw new ModelFormatError(`${this.origin.file}: ${this.origin.opType} '${this.origin.nodeName}': ${message}`, { origin: this.origin });
  }

  get x(): TensorId {
    return this.inputs[0] ?? this.fail('has no input');
  }

  shape(tensor: TensorId = this.x): readonly number[] {
    return this.context.shapeOf(tensor);
  }

  requireRank(rank: number): void {
    if (this.shape().length !== rank) this.fail(`needs ${rank} axes a sample, its input has [${this.shape().join(', ')}]`);
  }

  requireChannelsLast(): void {
    if (this.config.text('data_format', 'channels_last') !== 'channels_last') unsupported('data_format channels_first', 'channels_last');
  }

  optionalWeight(name: string): ConstantArray | undefined {
    return this.weights(name);
  }

  weight(name: string, rank: number): ConstantArray {
    const weight = this.weights(name) ?? this.fail(`its weight '${name}' is missing from the manifest`);
    if (weight.shape.length !== rank) this.fail(`its weight '${name}' is [${weight.shape.join(', ')}], which has not ${rank} axes`);
    return weight;
  }

  /** A weight as a tensor of the graph. */
  put(name: string, constant: ConstantArray): TensorId {
    return this.context.constantTensor({ name: `${this.origin.nodeName}/${name}` }, constant, this.origin);
  }

  /** The bias as a list of no or one input. */
  bias(): readonly TensorId[] {
    return this.config.bool('use_bias', true) ? [this.put('bias', this.weight('bias', 1))] : [];
  }

  emit(op: string, inputs: readonly TensorId[], attributes: Attributes): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin);
  }

  reshape(tensor: TensorId, shape: readonly number[]): TensorId {
    return this.context.reshape(tensor, shape, this.origin);
  }

  /** Per-sample axis of a Keras axis, which counts the batch; negative counts from the end. */
  axis(stated: number): number {
    const rank = this.shape().length;
    const axis = stated < 0 ? stated + rank : stated - 1;
    if (axis < 0 || axis >= rank) this.fail(`axis ${stated} is no axis of a sample of [${this.shape().join(', ')}]`);
    return axis;
  }
}
