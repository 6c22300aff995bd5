/** Builds small integer graphs by hand, for tests of operators, simulator, scheduling and generated code. */
import { operator } from '../../src/operators/index.js';
import type { Attributes, Origin } from '../../src/graph/float.js';
import type { Codes, IntegerGraph, IntegerNode, IntegerPort, IntegerTensor, Requantize, TensorId } from '../../src/graph/integer.js';
import { INTEGER_GRAPH_SCHEMA, INTEGER_GRAPH_VERSION } from '../../src/graph/integer.js';

export interface TensorOptions {
  readonly bits?: number;
  readonly signed?: boolean;
  readonly range?: readonly [number, number];
  readonly scale?: number;
  readonly zeroPoint?: number;
}

export interface NodeOptions {
  readonly attributes?: Attributes;
  readonly requantize?: Requantize;
  /** Shape and type of the output. */
  readonly shape: readonly number[];
  readonly output?: TensorOptions;
}

export class IntegerGraphBuilder {
  private readonly tensors = new Map<TensorId, IntegerTensor>();
  private readonly nodes: IntegerNode[] = [];
  private readonly inputs: IntegerPort[] = [];

  constructor(private readonly name = 'test') {}

  input(name: string, shape: readonly number[], options: TensorOptions = {}): TensorId {
    this.tensors.set(name, activation(name, shape, options));
    this.inputs.push(port(name, shape));
    return name;
  }

  constant(name: string, shape: readonly number[], data: Codes, bits = 8 * data.BYTES_PER_ELEMENT): TensorId {
    const signed = !(data instanceof Uint8Array || data instanceof Uint16Array);
    let [low, high] = [0, 0];
    for (const code of data) [low, high] = [Math.min(low, code), Math.max(high, code)];
    this.tensors.set(name, { id: name, name, shape, type: { bits, signed, packed: false }, real: null, constant: { encoding: { kind: 'affine' }, data }, codeRange: [low, high], origin: originOf(name, 'Constant') });
    return name;
  }

  /** Adds a node with one output called `name`, with its bounds. */
  node(op: string, name: string, inputs: readonly TensorId[], options: NodeOptions): TensorId {
    this.tensors.set(name, activation(name, options.shape, options.output ?? {}));
    const node: IntegerNode = {
      id: name,
      op,
      inputs,
      outputs: [name],
      attributes: options.attributes ?? {},
      ...(options.requantize && { requantize: options.requantize }),
      origin: originOf(name, op),
    };
    const bounds = operator(op).integer?.bounds?.(node, this.graph([name]));
    this.nodes.push(bounds ? { ...node, bounds } : node);
    return name;
  }

  build(outputs: readonly TensorId[]): IntegerGraph {
    const graph = this.graph(outputs);
    for (const node of graph.nodes) operator(node.op).integer?.verify(node, graph);
    return graph;
  }

  private graph(outputs: readonly TensorId[]): IntegerGraph {
    return {
      schema: INTEGER_GRAPH_SCHEMA,
      version: INTEGER_GRAPH_VERSION,
      name: this.name,
      origin: { file: 'test', format: 'builder', sha256: '' },
      inputs: this.inputs,
      outputs: outputs.map((id) => port(id, this.tensors.get(id)!.shape)),
      states: [],
      tensors: this.tensors,
      nodes: this.nodes,
      provenance: { tool: 'test', method: 'nearest', bits: 'w8a8', arith: 'dyadic', seed: 0, calibrationSha256: null },
      nominalMacs: 0,
    };
  }
}

function activation(name: string, shape: readonly number[], options: TensorOptions): IntegerTensor {
  const { bits = 8, signed = true, scale = 1, zeroPoint = 0 } = options;
  const low = signed ? -(2 ** (bits - 1)) : 0;
  return {
    id: name,
    name,
    shape,
    type: { bits, signed, packed: false },
    real: { kind: 'affine', scale: [scale], zeroPoint: [zeroPoint], axis: null },
    codeRange: options.range ?? [low, low + 2 ** bits - 1],
    origin: originOf(name, 'Activation'),
  };
}

function port(name: string, shape: readonly number[]): IntegerPort {
  return { name, tensor: name, sourceShape: [1, ...shape], batchAxis: 0, permutation: null };
}

function originOf(nodeName: string, opType: string): Origin {
  return { file: 'test', format: 'builder', nodeName, opType };
}

/** A small deterministic generator (mulberry32). */
export class Random {
  constructor(private state: number) {}

  /** In [0, 1). */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** Integer in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  pick<T>(list: readonly T[]): T {
    return list[this.integer(0, list.length - 1)]!;
  }

  /** Codes in [low, high]; one in four is an end of the range. */
  codes<T extends Codes>(into: T, low: number, high: number): T {
    for (let i = 0; i < into.length; i++) into[i] = this.next() < 0.25 ? this.pick([low, high]) : this.integer(low, high);
    return into;
  }
}
