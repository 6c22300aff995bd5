/**
 * What the front ends share: values of the source model, the axis that is their batch, and the nodes they become.
 *
 * The FloatGraph has no batch axis. In the source files the batch is an axis of length `batchSize` (1 unless the whole
 * file was made for N samples), which every value carries somewhere (`batchAxis`) or has lost in a reshape (null; then
 * all of its axes belong to the one sample, which is correct because the batch is 1).
 * Source shape = per-sample shape with `batchSize` inserted at `batchAxis`.
 */
import { ModelFormatError, UnsupportedOperatorError, type Origin, type UnsupportedNode } from '../errors.js';
import { FloatGraphBuilder } from '../graph/builder.js';
import { elementCount, type Attributes, type FloatDataType, type FloatGraph, type FloatTensor, type SourceFile, type SourceQuantization, type TensorId } from '../graph/float.js';
import { broadcastShapes, isIdentityPermutation, reshapeConstant, type ConstantArray } from './constant-array.js';
import { spreadQuantization } from './spread-quantization.js';

/** A value of the source model: a constant (not yet in the graph) or an activation (a tensor of the graph). */
export interface SourceValue {
  readonly name: string;
  /** Source shape, batch axis included. */
  readonly shape: readonly number[];
  readonly type: FloatDataType;
  readonly batchAxis: number | null;
  /** Null for constants: they enter the graph when a node uses them, in the layout that node wants. */
  readonly tensor: TensorId | null;
  readonly constant?: ConstantArray;
  /** True for an integer input or QuantizeLinear output, whose values are codes of the tensor's quantization. */
  readonly codes?: boolean;
}

/** Thrown inside an importer; `attempt` collects it so that all such nodes are reported at once. */
export class UnsupportedHere extends Error {
  constructor(
    readonly reason: string,
    readonly nearest?: string,
  ) {
    super(reason);
  }
}

export function unsupported(reason: string, nearest?: string): never {
  throw new UnsupportedHere(reason, nearest);
}

export interface ImportOptions {
  readonly name: string;
  readonly source: SourceFile;
  /** Length of the source's batch axis: 1, or N where the whole file is made for N samples. */
  readonly batchSize?: number;
}

export class ImportContext {
  readonly builder: FloatGraphBuilder;
  readonly batchSize: number;
  private readonly source: SourceFile;
  private readonly problems: UnsupportedNode[] = [];
  private readonly values = new Map<string, SourceValue | null>();
  private readonly quantizations = new Map<TensorId, SourceQuantization>();

  constructor(options: ImportOptions) {
    this.builder = new FloatGraphBuilder(options.name, options.source);
    this.source = options.source;
    this.batchSize = options.batchSize ?? 1;
  }

  origin(nodeName: string, opType: string): Origin {
    return { file: this.source.file, format: this.source.format, nodeName, opType };
  }

  // --- values by the source's own key -------------------------------------------------------------------------------

  /** null = the value of a node that is not supported; nodes that need it are passed over. */
  define(key: string, value: SourceValue | null): void {
    this.values.set(key, value);
  }

  /** undefined = nobody has made it yet. */
  lookup(key: string): SourceValue | null | undefined {
    return this.values.get(key);
  }

  /** Runs one importer; an `unsupported(…)` inside it is collected and false returned. */
  attempt(origin: Origin, run: () => void): boolean {
    try {
      run();
      return true;
    } catch (error) {
      if (!(error instanceof UnsupportedHere)) throw error;
      this.report(origin, error.reason, error.nearest);
      return false;
    }
  }

  report(origin: Origin, reason: string, nearest?: string): void {
    this.problems.push({ origin, reason, ...(nearest !== undefined && { nearest }) });
  }

  // --- making values ------------------------------------------------------------------------------------------------

  constant(name: string, constant: ConstantArray): SourceValue {
    const type: FloatDataType = constant.elementType === 'bool' ? 'bool' : constant.data instanceof Float32Array ? 'float32' : 'int32';
    return { name, shape: constant.shape, type, batchAxis: null, tensor: null, constant };
  }

  /** A tensor already in the graph as a source value; its source shape follows from its per-sample shape. */
  activation(name: string, tensor: TensorId, batchAxis: number | null): SourceValue {
    const { shape, type } = this.builder.tensor(tensor);
    return { name, shape: this.sourceShape(shape, batchAxis), type, batchAxis, tensor };
  }

  /** An input of the network; `shape` is the source's, batch axis included. */
  input(name: string, shape: readonly number[], type: FloatDataType, options: { batchAxis: number | null; quantization?: SourceQuantization; codes?: boolean }): SourceValue {
    const { batchAxis } = options;
    const perSample = shape.filter((_, i) => i !== batchAxis);
    const tensor = this.builder.input(name, perSample, type, { sourceShape: shape, batchAxis, ...(options.quantization && { quantization: options.quantization }) });
    if (options.quantization) this.quantizations.set(tensor, options.quantization);
    return { name, shape, type, batchAxis, tensor, ...(options.codes && { codes: true }) };
  }

  output(name: string, value: SourceValue): void {
    const tensor = this.tensor(value, this.origin(name, 'Output'));
    this.builder.output(name, tensor, { sourceShape: value.shape, batchAxis: value.batchAxis });
  }

  // --- tensors of values --------------------------------------------------------------------------------------------

  /** The value's tensor as it stands (a constant enters the graph with its full shape). */
  tensor(value: SourceValue, origin: Origin): TensorId {
    return this.perSample(value, value.batchAxis, origin);
  }

  /** The value's tensor with `batchAxis` of its source shape left out (null: nothing left out), by a reshape where needed. */
  perSample(value: SourceValue, batchAxis: number | null, origin: Origin): TensorId {
    const shape = value.shape.filter((_, i) => i !== batchAxis);
    if (value.constant) {
      if (elementCount(shape) !== elementCount(value.shape)) unsupported(`'${value.name}' holds a value of its own for every sample of the batch`, 'export the model with batch size 1');
      return this.constantTensor(value, reshapeConstant(value.constant, shape), origin);
    }
    if (value.batchAxis === batchAxis) return value.tensor!;
    if (this.batchSize !== 1 || (batchAxis !== null && value.shape[batchAxis] !== 1)) {
      unsupported(`the batch of '${value.name}' ([${value.shape.join(', ')}]) is mixed with other axes`, 'export the model with batch size 1');
    }
    return this.reshape(value.tensor!, shape, origin);
  }

  /** The same value with all axes counted as the sample's own. */
  unbatched(value: SourceValue, origin: Origin): SourceValue {
    if (value.constant || value.batchAxis === null) return value;
    return { ...value, batchAxis: null, tensor: this.perSample(value, null, origin) };
  }

  /** Puts a constant into the graph in the layout a node wants. NaN and infinite weights stop here. */
  constantTensor(value: Pick<SourceValue, 'name'>, constant: ConstantArray, origin: Origin): TensorId {
    const bad = constant.data instanceof Float32Array ? constant.data.findIndex((v) => !Number.isFinite(v)) : -1;
    if (bad >= 0) {
      throw new ModelFormatError(`${origin.file}: constant '${value.name}' of ${origin.opType} '${origin.nodeName}' holds ${constant.data[bad]} at flat index ${bad}`, {
        origin,
        hint: 'the weights of the model are damaged; export it again from a checkpoint with finite values',
      });
    }
    return this.builder.constant(value.name, constant.shape, constant.data, origin, constant.quantization, constant.moments);
  }

  // --- emitting nodes (ids in, ids out; shapes are per sample) ------------------------------------------------------

  emit(op: string, inputs: readonly TensorId[], attributes: Attributes, origin: Origin, name?: string, quantization?: SourceQuantization): TensorId {
    const id = this.builder.apply(op, inputs, attributes, origin, name, quantization);
    if (quantization) this.quantizations.set(id, quantization);
    return id;
  }

  shapeOf(tensor: TensorId): readonly number[] {
    return this.builder.tensor(tensor).shape;
  }

  /** No node where nothing moves. */
  transpose(tensor: TensorId, permutation: readonly number[], origin: Origin, name?: string): TensorId {
    return isIdentityPermutation(permutation) ? tensor : this.emit('transpose', [tensor], { permutation }, origin, name);
  }

  /** No node where the shape stays. */
  reshape(tensor: TensorId, shape: readonly number[], origin: Origin, name?: string): TensorId {
    return sameShape(this.shapeOf(tensor), shape) ? tensor : this.emit('reshape', [tensor], { shape }, origin, name);
  }

  /**
   * [1, C, spatial…] → [H, W, C]: leaves out batch axis 0 and moves the channels last. One spatial axis becomes
   * [1, L, C]. Throws `unsupported` for other ranks.
   */
  channelsFirstToImage(value: SourceValue, origin: Origin): TensorId {
    const spatial = value.shape.length - 2;
    if (spatial !== 1 && spatial !== 2) unsupported(`${spatial} spatial axes`, '1 or 2 spatial axes');
    const planes = this.perSample(value, 0, origin);
    const last = this.transpose(planes, spatial === 2 ? [1, 2, 0] : [1, 0], origin);
    return spatial === 2 ? last : this.reshape(last, [1, ...this.shapeOf(last)], origin);
  }

  /** The way back: [H, W, C] → [1, C, H, W], or [1, L, C] → [1, C, L] where `spatial` is 1. Batch axis 0. */
  imageToChannelsFirst(tensor: TensorId, spatial: number, name: string, origin: Origin): SourceValue {
    const line = spatial === 2 ? tensor : this.reshape(tensor, this.shapeOf(tensor).slice(1), origin);
    return this.activation(name, this.transpose(line, spatial === 2 ? [2, 0, 1] : [1, 0], origin, name), 0);
  }

  /**
   * Brings operands of a broadcasting node to per-sample shapes that broadcast the same way.
   * The result's batch axis is that of the first operand whose batch axis has the batch's length in the result.
   */
  broadcast(values: readonly SourceValue[], origin: Origin): { readonly tensors: readonly TensorId[]; readonly batchAxis: number | null } {
    const shape = broadcastShapes(values.map((v) => v.shape));
    if (!shape) {
      const shapes = values.map((v) => `'${v.name}' [${v.shape.join(', ')}]`).join(' and ');
      throw new ModelFormatError(`${origin.file}: ${origin.opType} '${origin.nodeName}': shapes do not broadcast: ${shapes}`, { origin });
    }
    const aligned = (value: SourceValue, axis: number): number => axis + shape.length - value.shape.length;
    const candidates = values.flatMap((v) => (v.batchAxis === null ? [] : [aligned(v, v.batchAxis)]));
    const batchAxis = candidates.find((axis) => shape[axis] === this.batchSize) ?? null;
    const tensors = values.map((value) => {
      const own = batchAxis === null ? -1 : batchAxis - (shape.length - value.shape.length);
      return this.perSample(value, own >= 0 ? own : null, origin);
    });
    return { tensors, batchAxis };
  }

  // --- axes ---------------------------------------------------------------------------------------------------------

  /** A source axis, possibly negative, as a non-negative one. */
  axis(value: Pick<SourceValue, 'shape' | 'name'>, axis: number, origin: Origin): number {
    const rank = value.shape.length;
    if (axis < -rank || axis >= Math.max(rank, 1)) {
      throw new ModelFormatError(`${origin.file}: ${origin.opType} '${origin.nodeName}': axis ${axis} is outside '${value.name}' [${value.shape.join(', ')}]`, { origin });
    }
    return axis < 0 ? axis + rank : axis;
  }

  /** The per-sample axis of a non-negative source axis that is not the batch axis. */
  sampleAxis(axis: number, batchAxis: number | null): number {
    return batchAxis !== null && axis > batchAxis ? axis - 1 : axis;
  }

  sourceShape(perSample: readonly number[], batchAxis: number | null): readonly number[] {
    return batchAxis === null ? perSample : [...perSample.slice(0, batchAxis), this.batchSize, ...perSample.slice(batchAxis)];
  }

  // --- quantization that the file carries ---------------------------------------------------------------------------

  quantizationOf(tensor: TensorId): SourceQuantization | undefined {
    return this.quantizations.get(tensor) ?? this.builder.tensor(tensor).quantization;
  }

  /** Gives an activation the file's own scale. A tensor that already has another one is copied first. */
  quantized(tensor: TensorId, quantization: SourceQuantization, origin: Origin, name: string): TensorId {
    const present = this.quantizationOf(tensor);
    if (present && JSON.stringify(present) === JSON.stringify(quantization)) return tensor;
    const id = present ? this.emit('reshape', [tensor], { shape: this.shapeOf(tensor) }, origin, name) : tensor;
    this.quantizations.set(id, quantization);
    return id;
  }

  // --- the end ------------------------------------------------------------------------------------------------------

  /** The finished graph; throws UnsupportedOperatorError with every node that could not be imported. */
  finish(): FloatGraph {
    if (this.problems.length > 0) throw new UnsupportedOperatorError(this.problems);
    const graph = this.builder.build({ quantized: this.quantizations.size > 0 });
    if (this.quantizations.size === 0) return graph;
    const spread = spreadQuantization(graph.nodes, this.quantizations);
    const tensors = new Map<TensorId, FloatTensor>();
    for (const [id, tensor] of graph.tensors) {
      const quantization = tensor.quantization ?? (tensor.data ? undefined : spread.get(id));
      tensors.set(id, quantization ? { ...tensor, quantization } : tensor);
    }
    return { ...graph, tensors };
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}
