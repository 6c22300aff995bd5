/** What the simulator says each vector must give. */
import type { ProjectManifest } from '../emit/manifest.js';
import type { Codes, IntegerGraph, TensorId } from '../graph/integer.js';
import { createSimulator, type Simulator } from '../../sim/index.js';
import type { Vector } from '../toolchains/index.js';

/** Codes of one sample for every graph input, in port order. */
export type VectorInputs = readonly Codes[];

/** The simulator's answers, computed when they are first asked for; the last vector's tensors are kept. */
export class Expected {
  private readonly simulator: Simulator;
  private readonly outputCache = new Map<number, Uint8Array>();
  /** Time that the simulator took so far. */
  seconds = 0;
  private last: { vector: number; tensors: ReadonlyMap<TensorId, Codes> } | null = null;

  constructor(
    readonly graph: IntegerGraph,
    readonly vectors: readonly VectorInputs[],
  ) {
    this.simulator = createSimulator(graph);
  }

  tensors(vector: number): ReadonlyMap<TensorId, Codes> {
    if (this.last?.vector === vector) return this.last.tensors;
    const started = performance.now();
    this.rewind(vector);
    this.last = { vector, tensors: this.simulator.tensors(this.vectors[vector]) };
    this.seconds += (performance.now() - started) / 1000;
    return this.last.tensors;
  }

  /** Accumulator behind one element before requantization; null where the operator has none. */
  accumulator(vector: number, tensor: TensorId, flatIndex: number): number | null {
    this.rewind(vector);
    return this.simulator.accumulator(this.vectors[vector], tensor, flatIndex);
  }

  /** A streaming network sees the vectors one after the other: brings its states to just before this one. */
  private rewind(vector: number): void {
    if (this.graph.states.length === 0) return;
    this.simulator.reset();
    for (let before = 0; before < vector; before++) this.simulator.run(this.vectors[before]);
  }

  /** Bytes of all outputs of a vector, one after the other, as the firmware prints them. */
  outputs(vector: number): Uint8Array {
    const known = this.outputCache.get(vector);
    if (known) return known;
    const tensors = this.tensors(vector);
    const bytes = Buffer.concat(this.graph.outputs.map((port) => bytesOf(tensors.get(port.tensor) as Codes)));
    this.outputCache.set(vector, bytes);
    return bytes;
  }
}

/** The memory of the codes, one lane a code, little-endian. */
export function bytesOf(codes: Codes): Uint8Array {
  return new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
}

/** Memory → codes of the tensor's lane. */
export function codesOf(bytes: Uint8Array, tensor: Pick<ProjectManifest['tensors'][number], 'laneBytes' | 'signed'>): Codes {
  const buffer = new Uint8Array(bytes).buffer;
  if (tensor.laneBytes === 1) return tensor.signed ? new Int8Array(buffer) : new Uint8Array(buffer);
  if (tensor.laneBytes === 2) return tensor.signed ? new Int16Array(buffer) : new Uint16Array(buffer);
  return new Int32Array(buffer);
}

/** Inputs → what the harness reads, for model number `model` of the program. */
export function toVectors(inputs: readonly VectorInputs[], model = 0): readonly Vector[] {
  return inputs.map((codes, index) => ({ model, index, inputs: codes.map(bytesOf) }));
}
