/** One node of the file as an importer sees it: typed attributes, inputs as values, outputs to define. */
import { ModelFormatError, type Origin } from '../../errors.js';
import { elementCount, type Attributes, type TensorId } from '../../graph/float.js';
import type { ConstantArray } from '../constant-array.js';
import { unsupported, type ImportContext, type SourceValue } from '../import-context.js';
import type { OnnxNode } from './reader.js';
import { readTensor } from './tensor-data.js';

/** Imports one node; `unsupported(…)` inside reports it. */
export type Importer = (call: OnnxCall) => void;
export type ImporterTable = Readonly<Record<string, Importer>>;

export class OnnxCall {
  readonly origin: Origin;

  constructor(
    readonly context: ImportContext,
    readonly node: OnnxNode,
    readonly opset: number,
    private readonly isUsed: (name: string) => boolean,
  ) {
    this.origin = context.origin(node.name, node.opType);
  }

  // --- inputs -------------------------------------------------------------------------------------------------------

  get inputCount(): number {
    return this.node.inputs.length;
  }

  has(index: number): boolean {
    return Boolean(this.node.inputs[index]);
  }

  input(index: number): SourceValue {
    const value = this.has(index) ? this.context.lookup(this.node.inputs[index]!) : undefined;
    if (!value) this.fail(`input ${index} is missing`);
    return value;
  }

  /** Every input that is given. */
  inputs(): readonly SourceValue[] {
    return this.node.inputs.flatMap((name, i) => (name ? [this.input(i)] : []));
  }

  /** An activation of real values: refuses the integer codes of a quantized tensor. */
  activation(index: number): SourceValue {
    const value = this.input(index);
    if (value.codes) unsupported(`works on integer codes ('${value.name}')`, 'the QDQ form: DequantizeLinear before the operator, QuantizeLinear behind it');
    return value;
  }

  /** An input that must be known at import; `what` names its meaning in the error. */
  constant(index: number, what: string): ConstantArray {
    const value = this.input(index);
    if (!value.constant) unsupported(`${what} ('${value.name}') are computed at run time`, `constant ${what}`);
    return value.constant;
  }

  integers(index: number, what: string): readonly number[] {
    return [...this.constant(index, what).data];
  }

  /** A constant of one element; `fallback` where the input is not given. */
  scalar(index: number, what: string, fallback: number): number {
    if (!this.has(index)) return fallback;
    const constant = this.constant(index, what);
    if (elementCount(constant.shape) !== 1) unsupported(`${what} differ by element`, `one value for ${what}`);
    return constant.data[0]!;
  }

  // --- attributes ---------------------------------------------------------------------------------------------------

  hasAttribute(name: string): boolean {
    return this.node.attributes.has(name);
  }

  int(name: string, fallback: number): number {
    return this.node.attributes.get(name)?.i ?? (this.hasAttribute(name) ? 0 : fallback);
  }

  float(name: string, fallback: number): number {
    return this.node.attributes.get(name)?.f ?? (this.hasAttribute(name) ? 0 : fallback);
  }

  text(name: string, fallback: string): string {
    const bytes = this.node.attributes.get(name)?.s;
    return bytes ? new TextDecoder().decode(bytes) : fallback;
  }

  ints(name: string): readonly number[] | null {
    return this.hasAttribute(name) ? (this.node.attributes.get(name)!.ints ?? []) : null;
  }

  floats(name: string): readonly number[] | null {
    return this.hasAttribute(name) ? (this.node.attributes.get(name)!.floats ?? []) : null;
  }

  tensorAttribute(name: string): ConstantArray | null {
    const tensor = this.node.attributes.get(name)?.t;
    return tensor ? readTensor(tensor, `${this.origin.file}: '${name}' of ${this.node.opType} '${this.node.name}'`) : null;
  }

  /** Integers that older opsets have as an attribute and newer ones as an input; null where neither is given. */
  integersFrom(attribute: string, inputIndex: number, what: string): readonly number[] | null {
    return this.has(inputIndex) ? this.integers(inputIndex, what) : this.ints(attribute);
  }

  // --- outputs ------------------------------------------------------------------------------------------------------

  get outputName(): string {
    return this.node.outputs[0] ?? this.node.name;
  }

  define(value: SourceValue, index = 0): void {
    const name = this.node.outputs[index];
    if (name) this.context.define(name, value);
  }

  /** Defines output `index` as this tensor. */
  result(tensor: TensorId, batchAxis: number | null, index = 0): void {
    this.define(this.context.activation(this.node.outputs[index] ?? this.node.name, tensor, batchAxis), index);
  }

  defineConstant(constant: ConstantArray, index = 0): void {
    this.define(this.context.constant(this.node.outputs[index] ?? this.node.name, constant), index);
  }

  /** Emits the node's own operator; its tensor bears the name of output `index`. */
  emit(op: string, inputs: readonly TensorId[], attributes: Attributes, name: string | undefined = this.outputName): TensorId {
    return this.context.emit(op, inputs, attributes, this.origin, name);
  }

  /** Refuses outputs beyond the first `count` that somebody asks for. */
  onlyOutputs(count: number, what: string): void {
    if (this.node.outputs.slice(count).some((name) => name && this.isUsed(name))) unsupported(`its ${what} output is used`, 'the first output alone');
  }

  fail(message: string, hint?: string): never {
    throw new ModelFormatError(`${this.origin.file}: ${this.node.opType} '${this.node.name}': ${message}`, { origin: this.origin, ...(hint && { hint }) });
  }
}
