/** Walks an IntegerGraph: one buffer a tensor, allocated once, one prepared kernel a node. */
import type { IntegerTensor, TensorId } from '../src/graph/integer.js';
import type { Codes, IntegerGraph, IntegerNode, PreparedKernel } from './kernel.js';
import { kernels } from './kernels/index.js';

export interface Simulator {
  /** Codes of one sample for every graph input, in port order → fresh arrays, one an output, in port order. */
  run(inputs: readonly Codes[]): readonly Codes[];
  /** Like run, but every tensor (constants left out), copied. States do not advance. */
  tensors(inputs: readonly Codes[]): ReadonlyMap<TensorId, Codes>;
  /** Accumulator behind one element before requantization; null where the operator has none. States do not advance. */
  accumulator(inputs: readonly Codes[], tensor: TensorId, flatIndex: number): number | null;
  /** All accumulators behind a tensor, as `accumulator` gives one of them. */
  accumulators(inputs: readonly Codes[], tensor: TensorId): Int32Array | null;
  /** Every tensor as `tensors` gives them, and the accumulators behind those of `summed` that have some, in one pass. */
  trace(inputs: readonly Codes[], summed: readonly TensorId[]): Trace;
  /** Puts every state back to its initial value. */
  reset(): void;
}

export interface Trace {
  readonly tensors: ReadonlyMap<TensorId, Codes>;
  readonly accumulators: ReadonlyMap<TensorId, Int32Array>;
}

interface Step {
  readonly node: IntegerNode;
  readonly kernel: PreparedKernel;
  readonly inputs: readonly Codes[];
  readonly outputs: readonly Codes[];
}

export function createSimulator(graph: IntegerGraph): Simulator {
  return new GraphSimulator(graph);
}

/** An array with the lane of the tensor's type. */
export function allocateCodes(tensor: Pick<IntegerTensor, 'shape' | 'type'>): Codes {
  const length = tensor.shape.reduce((n, d) => n * d, 1);
  const { bits, signed } = tensor.type;
  if (bits <= 8) return signed ? new Int8Array(length) : new Uint8Array(length);
  if (bits <= 16) return signed ? new Int16Array(length) : new Uint16Array(length);
  return new Int32Array(length);
}

class GraphSimulator implements Simulator {
  private readonly buffers = new Map<TensorId, Codes>();
  private readonly steps: readonly Step[];

  constructor(private readonly graph: IntegerGraph) {
    for (const tensor of graph.tensors.values()) this.buffers.set(tensor.id, tensor.constant?.data ?? allocateCodes(tensor));
    this.steps = graph.nodes.map((node) => ({
      node,
      kernel: prepare(node, graph),
      inputs: node.inputs.map((id) => this.buffer(id)),
      outputs: node.outputs.map((id) => this.buffer(id)),
    }));
    this.reset();
  }

  run(inputs: readonly Codes[]): readonly Codes[] {
    this.load(inputs);
    for (const step of this.steps) step.kernel(step.inputs, step.outputs);
    const outputs = this.graph.outputs.map((port) => this.buffer(port.tensor).slice());
    this.advanceStates();
    return outputs;
  }

  tensors(inputs: readonly Codes[]): ReadonlyMap<TensorId, Codes> {
    return this.trace(inputs, []).tensors;
  }

  accumulator(inputs: readonly Codes[], tensor: TensorId, flatIndex: number): number | null {
    return this.accumulators(inputs, tensor)?.[flatIndex] ?? null;
  }

  accumulators(inputs: readonly Codes[], tensor: TensorId): Int32Array | null {
    return this.trace(inputs, [tensor]).accumulators.get(tensor) ?? null;
  }

  trace(inputs: readonly Codes[], summed: readonly TensorId[]): Trace {
    const wanted = new Set(summed);
    const accumulators = new Map<TensorId, Int32Array>();
    this.load(inputs);
    for (const { node, kernel, inputs: from, outputs: to } of this.steps) {
      const output = node.outputs[0]!;
      if (node.requantize && wanted.has(output)) accumulators.set(output, new Int32Array(to[0]!.length));
      kernel(from, to, accumulators.get(output));
    }
    const tensors = new Map<TensorId, Codes>();
    for (const tensor of this.graph.tensors.values()) if (!tensor.constant) tensors.set(tensor.id, this.buffer(tensor.id).slice());
    return { tensors, accumulators };
  }

  reset(): void {
    for (const state of this.graph.states) this.buffer(state.read).fill(state.initial);
  }

  private buffer(id: TensorId): Codes {
    const buffer = this.buffers.get(id);
    if (!buffer) throw new RangeError(`'${this.graph.name}' has no tensor '${id}'`);
    return buffer;
  }

  private load(inputs: readonly Codes[]): void {
    const ports = this.graph.inputs;
    if (inputs.length !== ports.length) throw new RangeError(`'${this.graph.name}' takes ${ports.length} input(s), got ${inputs.length}`);
    ports.forEach((port, i) => {
      const codes = inputs[i]!;
      const buffer = this.buffer(port.tensor);
      const [low, high] = this.graph.tensors.get(port.tensor)!.codeRange;
      if (codes.length !== buffer.length) throw new RangeError(`input '${port.name}' has ${buffer.length} codes, got ${codes.length}`);
      for (let k = 0; k < codes.length; k++) {
        const code = codes[k]!;
        if (code < low || code > high) throw new RangeError(`input '${port.name}': code ${code} at ${k} is outside [${low}, ${high}]`);
      }
      buffer.set(codes);
    });
  }

  /** Every next state is read before any is written: one state may be the other's source. */
  private advanceStates(): void {
    const next = this.graph.states.map((state) => this.buffer(state.write).slice());
    this.graph.states.forEach((state, i) => this.buffer(state.read).set(next[i]!));
  }
}

function prepare(node: IntegerNode, graph: IntegerGraph): PreparedKernel {
  const kernel = kernels[node.op];
  if (!kernel) throw new RangeError(`the simulator has no kernel for operator '${node.op}' (node '${node.id}')`);
  return kernel(node, graph);
}
