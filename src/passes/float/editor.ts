/** A float graph under rewriting: who makes and who reads every tensor stays known while nodes come and go. */
import { elementCount, tensorOf, type Attributes, type ChannelMoments, type FloatDataType, type FloatGraph, type FloatNode, type FloatTensor, type GraphPort, type Origin, type SourceQuantization, type TensorId } from '../../graph/float.js';
import { operator } from '../../operators/index.js';
import { sortNodes } from './sort-nodes.js';

export interface NodeDraft {
  readonly op: string;
  readonly inputs: readonly TensorId[];
  readonly attributes: Attributes;
  readonly origin: Origin;
  /** Takes the place of this tensor's producer; its name and quantization stay. The shape may change. */
  readonly output?: TensorId;
  /** Name of a new output. */
  readonly name?: string;
  readonly quantization?: SourceQuantization;
}

export class GraphEditor {
  readonly quantized: boolean;
  private readonly tensors: Map<TensorId, FloatTensor>;
  /** With a position in the order of execution: a rewritten node stays where it was, a new one follows its inputs. */
  private readonly nodes = new Map<FloatNode, number>();
  private readonly nodeIds = new Set<string>();
  private readonly producers = new Map<TensorId, FloatNode>();
  private readonly readers = new Map<TensorId, Set<FloatNode>>();
  private inputPorts: readonly GraphPort[];
  private outputPorts: readonly GraphPort[];

  constructor(private readonly graph: FloatGraph) {
    this.quantized = graph.quantized;
    this.tensors = new Map(graph.tensors);
    this.inputPorts = graph.inputs;
    this.outputPorts = graph.outputs;
    graph.nodes.forEach((node, position) => this.link(node, position));
  }

  // --- looking ------------------------------------------------------------------------------------------------------

  /** A copy of the list, safe to rewrite under. */
  list(op?: string): readonly FloatNode[] {
    const all = [...this.nodes].sort((a, b) => a[1] - b[1]).map(([node]) => node);
    return op === undefined ? all : all.filter((node) => node.op === op);
  }

  has(node: FloatNode): boolean {
    return this.nodes.has(node);
  }

  tensor(id: TensorId): FloatTensor {
    return tensorOf({ tensors: this.tensors, name: this.graph.name }, id);
  }

  tensorIds(): readonly TensorId[] {
    return [...this.tensors.keys()];
  }

  shape(id: TensorId): readonly number[] {
    return this.tensor(id).shape;
  }

  isConstant(id: TensorId): boolean {
    return this.tensor(id).data !== undefined;
  }

  /** The node that writes the tensor; undefined for inputs and constants. With `op`, only one of that kind. */
  producer(id: TensorId, op?: string): FloatNode | undefined {
    const node = this.producers.get(id);
    return op === undefined || node?.op === op ? node : undefined;
  }

  consumers(id: TensorId): readonly FloatNode[] {
    return [...(this.readers.get(id) ?? [])];
  }

  isInput(id: TensorId): boolean {
    return this.inputPorts.some((port) => port.tensor === id);
  }

  isOutput(id: TensorId): boolean {
    return this.outputPorts.some((port) => port.tensor === id);
  }

  /** The one node that reads the tensor, where nothing else does and it is no output of the network. */
  soleConsumer(id: TensorId): FloatNode | undefined {
    const readers = this.readers.get(id);
    return readers?.size === 1 && !this.isOutput(id) ? [...readers][0] : undefined;
  }

  inputs(): readonly GraphPort[] {
    return this.inputPorts;
  }

  outputs(): readonly GraphPort[] {
    return this.outputPorts;
  }

  // --- changing -----------------------------------------------------------------------------------------------------

  constant(name: string, shape: readonly number[], data: Float32Array | Int32Array, origin: Origin, quantization?: SourceQuantization, moments?: ChannelMoments): TensorId {
    if (data.length !== elementCount(shape)) throw new Error(`constant '${name}': ${data.length} values for [${shape.join(', ')}]`);
    const type: FloatDataType = data instanceof Float32Array ? 'float32' : 'int32';
    return this.addTensor({ name, shape, type, data, origin, ...(quantization && { quantization }), ...(moments && { moments }) });
  }

  /** Adds a node with one output, whose shape is inferred, and returns the output's id. */
  add(draft: NodeDraft): TensorId {
    const id = this.freeNodeId(draft.origin.nodeName || draft.op);
    const shaped = draft.inputs.map((input) => this.tensor(input));
    const node: FloatNode = { id, op: draft.op, inputs: draft.inputs, outputs: [], attributes: draft.attributes, origin: draft.origin };
    const { float } = operator(draft.op);
    const shape = float!.inferShapes(node, shaped)[0]!;
    const type = float!.outputType?.(node, shaped) ?? 'float32';
    const output = draft.output ?? this.addTensor({ name: draft.name ?? draft.origin.nodeName, shape, type, origin: draft.origin, ...(draft.quantization && { quantization: draft.quantization }) });
    let position = Math.max(0, ...draft.inputs.map((input) => this.nodes.get(this.producers.get(input)!) ?? 0));
    if (draft.output !== undefined) {
      const present = this.producers.get(output);
      if (present) {
        position = this.nodes.get(present)!;
        this.remove(present);
      }
      this.tensors.set(output, { ...this.tensor(output), shape, type });
    }
    this.link({ ...node, outputs: [output] }, position);
    return output;
  }

  /** Replaces inputs, operator or attributes of a node; its outputs stay. */
  update(node: FloatNode, change: Partial<Pick<FloatNode, 'op' | 'inputs' | 'attributes'>>): FloatNode {
    const position = this.nodes.get(node)!;
    this.remove(node);
    const changed = { ...node, ...change };
    this.link(changed, position);
    return changed;
  }

  remove(node: FloatNode): void {
    this.nodes.delete(node);
    this.nodeIds.delete(node.id);
    for (const id of node.outputs) this.producers.delete(id);
    for (const id of node.inputs) this.readers.get(id)?.delete(node);
  }

  /** Gives a tensor another shape (and its scales another axis); the caller keeps its users consistent. */
  reshapeTensor(id: TensorId, shape: readonly number[], quantization = this.tensor(id).quantization): void {
    this.tensors.set(id, { ...this.tensor(id), shape, ...(quantization && { quantization }) });
  }

  /**
   * Everything that reads `from` reads `to` instead. False (and nothing done) where an output of the network would become
   * an input, a constant or another output: each output keeps a node of its own.
   */
  redirect(from: TensorId, to: TensorId): boolean {
    if (this.isOutput(from) && (this.isInput(to) || this.isConstant(to) || this.isOutput(to))) return false;
    for (const reader of this.consumers(from)) this.update(reader, { inputs: reader.inputs.map((id) => (id === from ? to : id)) });
    this.outputPorts = this.outputPorts.map((port) => (port.tensor === from ? { ...port, tensor: to } : port));
    return true;
  }

  setPorts(inputs: readonly GraphPort[], outputs: readonly GraphPort[]): void {
    this.inputPorts = inputs;
    this.outputPorts = outputs;
  }

  /** Drops nodes that lead to no output and tensors that nothing mentions; returns how many nodes. */
  sweep(): number {
    let dropped = 0;
    for (const node of sortNodes(this.list()).reverse()) {
      if (node.outputs.some((id) => this.isOutput(id) || (this.readers.get(id)?.size ?? 0) > 0)) continue;
      this.remove(node);
      dropped++;
    }
    const used = new Set([...this.inputPorts, ...this.outputPorts].map((port) => port.tensor));
    for (const node of this.nodes.keys()) for (const id of [...node.inputs, ...node.outputs]) used.add(id);
    for (const id of this.tensorIds()) if (!used.has(id)) this.tensors.delete(id);
    return dropped;
  }

  build(): FloatGraph {
    return { ...this.graph, inputs: this.inputPorts, outputs: this.outputPorts, tensors: new Map(this.tensors), nodes: sortNodes(this.list()) };
  }

  private link(node: FloatNode, position: number): void {
    this.nodes.set(node, position);
    this.nodeIds.add(node.id);
    for (const id of node.outputs) this.producers.set(id, node);
    for (const id of node.inputs) {
      const readers = this.readers.get(id) ?? new Set();
      readers.add(node);
      this.readers.set(id, readers);
    }
  }

  private freeNodeId(stem: string): string {
    for (let i = 0; ; i++) {
      const candidate = i === 0 ? stem : `${stem}_${i}`;
      if (!this.nodeIds.has(candidate)) return candidate;
    }
  }

  private addTensor(tensor: Omit<FloatTensor, 'id'>): TensorId {
    for (let i = 0; ; i++) {
      const id = i === 0 ? tensor.name : `${tensor.name}_${i}`;
      if (this.tensors.has(id)) continue;
      this.tensors.set(id, { ...tensor, id });
      return id;
    }
  }
}
