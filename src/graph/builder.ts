/** Builds a FloatGraph node by node, inferring shapes as it goes. Used by the front ends, by passes and by tests. */
import { ShapeError, type Origin } from '../errors.js';
import { operator } from '../operators/index.js';
import { elementCount, type Attributes, type ChannelMoments, type FloatDataType, type FloatGraph, type FloatNode, type FloatTensor, type GraphPort, type SourceFile, type SourceQuantization, type TensorId } from './float.js';

export interface PortOptions {
  readonly sourceShape?: readonly number[];
  readonly batchAxis?: number | null;
  readonly permutation?: readonly number[] | null;
}

export class FloatGraphBuilder {
  private readonly tensors = new Map<TensorId, FloatTensor>();
  private readonly nodes: FloatNode[] = [];
  private readonly inputs: GraphPort[] = [];
  private readonly outputs: GraphPort[] = [];

  constructor(
    private readonly name: string,
    private readonly source: SourceFile,
  ) {}

  /** Per-sample `shape`; without options the user's array is taken to have a leading batch axis and the same order. */
  input(name: string, shape: readonly number[], type: FloatDataType, options: PortOptions & { quantization?: SourceQuantization } = {}): TensorId {
    const id = this.add({ name, shape, type, origin: this.originOf(name, 'Input'), ...(options.quantization && { quantization: options.quantization }) });
    this.inputs.push(port(name, id, shape, options));
    return id;
  }

  output(name: string, tensor: TensorId, options: PortOptions = {}): void {
    this.outputs.push(port(name, tensor, this.tensor(tensor).shape, options));
  }

  constant(name: string, shape: readonly number[], data: Float32Array | Int32Array, origin?: Origin, quantization?: SourceQuantization, moments?: ChannelMoments): TensorId {
    if (elementCount(shape) !== data.length) {
      throw new ShapeError(`constant '${name}' has ${data.length} values for shape [${shape.join(', ')}]`, origin && { origin });
    }
    const type: FloatDataType = data instanceof Float32Array ? 'float32' : 'int32';
    return this.add({ name, shape, type, data, origin: origin ?? this.originOf(name, 'Constant'), ...(quantization && { quantization }), ...(moments && { moments }) });
  }

  /** Adds a node and returns the ids of its outputs, whose shapes are inferred. `names` are the user's names of the outputs. */
  node(op: string, inputs: readonly TensorId[], attributes: Attributes, origin: Origin, names: readonly string[] = [], quantization?: readonly (SourceQuantization | undefined)[]): readonly TensorId[] {
    const id = uniqueName(origin.nodeName || op, (candidate) => this.nodes.some((n) => n.id === candidate));
    const draft: FloatNode = { id, op, inputs, outputs: [], attributes, origin };
    const definition = operator(op);
    if (!definition.float) throw new ShapeError(`operator '${op}' has no float side`, { origin });
    const shaped = inputs.map((i) => this.tensor(i));
    const shapes = definition.float.inferShapes(draft, shaped);
    const type = definition.float.outputType?.(draft, shaped) ?? 'float32';
    const outputs = shapes.map((shape, i) => {
      const q = quantization?.[i];
      return this.add({ name: names[i] ?? (shapes.length > 1 ? `${id}:${i}` : id), shape, type, origin, ...(q && { quantization: q }) });
    });
    this.nodes.push({ ...draft, outputs });
    return outputs;
  }

  /** `node` for operators with one output. */
  apply(op: string, inputs: readonly TensorId[], attributes: Attributes, origin: Origin, name?: string, quantization?: SourceQuantization): TensorId {
    return this.node(op, inputs, attributes, origin, name === undefined ? [] : [name], [quantization])[0]!;
  }

  tensor(id: TensorId): FloatTensor {
    const tensor = this.tensors.get(id);
    if (!tensor) throw new ShapeError(`'${this.name}' has no tensor '${id}' yet`);
    return tensor;
  }

  build(options: { readonly quantized?: boolean } = {}): FloatGraph {
    return {
      name: this.name,
      source: this.source,
      inputs: this.inputs,
      outputs: this.outputs,
      tensors: this.tensors,
      nodes: this.nodes,
      quantized: options.quantized ?? false,
    };
  }

  private originOf(nodeName: string, opType: string): Origin {
    return { file: this.source.file, format: this.source.format, nodeName, opType };
  }

  private add(tensor: Omit<FloatTensor, 'id'>): TensorId {
    const id = uniqueName(tensor.name, (candidate) => this.tensors.has(candidate));
    this.tensors.set(id, { ...tensor, id });
    return id;
  }
}

function port(name: string, tensor: TensorId, shape: readonly number[], options: PortOptions): GraphPort {
  return {
    name,
    tensor,
    sourceShape: options.sourceShape ?? [1, ...shape],
    batchAxis: options.batchAxis === undefined ? 0 : options.batchAxis,
    permutation: options.permutation ?? null,
  };
}

function uniqueName(stem: string, taken: (candidate: string) => boolean): string {
  if (!taken(stem)) return stem;
  for (let i = 1; ; i++) {
    const candidate = `${stem}_${i}`;
    if (!taken(candidate)) return candidate;
  }
}
