/** One node of a GraphModel while it is imported. */
import type { Origin } from '../../../errors.js';
import { unsupported, type ImportContext, type SourceValue } from '../../import-context.js';
import { TensorflowCall } from '../../tensorflow/call.js';
import type { GraphNode } from './node.js';

export type NodeImporter = (call: NodeCall) => void;

export class NodeCall extends TensorflowCall {
  constructor(
    context: ImportContext,
    readonly node: GraphNode,
    origin: Origin,
    inputs: readonly SourceValue[],
    outputs: number,
  ) {
    super(context, origin, inputs, Array.from({ length: outputs }, (_, i) => (i === 0 ? node.name : `${node.name}:${i}`)));
  }

  /** GraphModels carry no scales. */
  override quantization(): undefined {
    return undefined;
  }

  protected override publish(value: SourceValue, i: number): void {
    this.context.define(`${this.node.name}:${i}`, value);
  }

  requireChannelsLast(): void {
    if (this.node.text('data_format', 'NHWC') !== 'NHWC') unsupported(`data_format ${this.node.text('data_format', '')}`, 'NHWC');
  }

  /** Height and width of an attribute [1, h, w, 1]. */
  spatial(attribute: string): readonly [number, number] {
    const values = this.node.ints(attribute);
    if (values.length === 0) return [1, 1];
    return values.length === 4 ? [values[1]!, values[2]!] : this.fail(`${attribute} has ${values.length} numbers`);
  }
}
