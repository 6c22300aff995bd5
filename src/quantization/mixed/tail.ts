/** The float network from one node on, with inputs that the float network before it has computed once. */
import { createExecutor, type FloatExecutor } from '../../calibration/executor.js';
import { scoringTensor } from '../../calibration/accuracy.js';
import type { SampleSet } from '../../calibration/types.js';
import { elementCount, tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import type { tf } from '../../tensor/index.js';
import { type Prefix, regionGraph } from '../reconstruction/prefix.js';
import { boundary } from '../reconstruction/units.js';
import { divergence, type DivergenceKind } from './divergence.js';

export interface Changes {
  /** In place of constants. */
  readonly constants: ReadonlyMap<TensorId, Float32Array>;
  /** As the executor takes it. */
  readonly transform?: (id: TensorId, value: tf.Tensor) => tf.Tensor;
}

/** What float predictions are: one tensor an output, before a terminal softmax where predictions are compared. */
export class FloatReference {
  private constructor(
    readonly graph: FloatGraph,
    readonly kind: DivergenceKind,
    readonly values: ReadonlyMap<TensorId, Float32Array>,
  ) {}

  static async of(graph: FloatGraph, samples: SampleSet, kind: DivergenceKind): Promise<FloatReference> {
    const judged = graph.outputs.map(({ tensor }) => (kind === 'prediction' ? scoringTensor(graph, tensor) : tensor));
    const executor = await createExecutor(graph);
    try {
      const values = await executor.run(samples.inputs, samples.count, { keep: judged });
      return new FloatReference(graph, kind, new Map(judged.map((id) => [id, values.get(id)!])));
    } finally {
      executor.dispose();
    }
  }
}

export class Tail {
  private constructor(
    private readonly executor: FloatExecutor,
    private readonly inputs: ReadonlyMap<TensorId, Float32Array>,
    private readonly reference: FloatReference,
    private readonly count: number,
  ) {}

  /** `prefix` stands in front of `node`. */
  static async behind(reference: FloatReference, prefix: Prefix, node: FloatNode, count: number): Promise<Tail> {
    const { graph } = reference;
    const rest = graph.nodes.slice(graph.nodes.indexOf(node));
    const { inputs } = boundary(graph, rest);
    const executor = await createExecutor(regionGraph(graph, rest, new Set(inputs), (id) => reference.values.has(id)));
    return new Tail(executor, new Map(inputs.map((id) => [id, prefix.values(id)])), reference, count);
  }

  /** Distance of the first `samples` from the float network: the mean over its outputs that these nodes compute. */
  async distance({ constants, transform }: Changes, samples = this.count): Promise<number> {
    const { graph } = this.executor;
    const share = (values: Float32Array) => values.subarray(0, (values.length / this.count) * samples);
    const given = new Map([...this.inputs].map(([id, values]) => [id, share(values)]));
    const made = await this.executor.run(given, samples, { constants, ...(transform && { transform }) });
    const outputs = graph.outputs.map(({ tensor }) => divergence(this.reference.kind, share(this.reference.values.get(tensor)!), made.get(tensor)!, elementCount(tensorOf(graph, tensor).shape)));
    return outputs.length === 0 ? 0 : outputs.reduce((sum, value) => sum + value, 0) / outputs.length;
  }

  dispose(): void {
    this.executor.dispose();
  }
}
