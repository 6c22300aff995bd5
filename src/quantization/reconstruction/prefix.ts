/** The values that reach a unit, float or quantized, for every calibration sample: each node is evaluated once. */
import { createExecutor } from '../../calibration/executor.js';
import type { SampleSet } from '../../calibration/types.js';
import { tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { fakeQuantConstants, fakeQuantTransform } from '../fake-quant.js';
import { lastReads } from './units.js';

type Values = Float32Array | Int32Array;

export class Prefix {
  private readonly live = new Map<TensorId, Values>();
  private readonly lastRead: ReadonlyMap<TensorId, number>;
  private done = 0;

  constructor(
    private readonly graph: FloatGraph,
    private readonly samples: SampleSet,
  ) {
    for (const port of graph.inputs) this.live.set(port.tensor, samples.inputs.get(port.name)!);
    this.lastRead = lastReads(graph);
  }

  /** Evaluates, as `plan` quantizes (null: in float), every node up to the last one of `nodes`. */
  async advancePast(nodes: readonly FloatNode[], plan: QuantizationPlan | null): Promise<void> {
    const end = 1 + Math.max(...nodes.map((node) => this.graph.nodes.indexOf(node)));
    await this.advance(end, plan);
  }

  /** Evaluates every node before the first one of `nodes`. */
  async advanceTo(nodes: readonly FloatNode[], plan: QuantizationPlan | null): Promise<void> {
    await this.advance(Math.min(...nodes.map((node) => this.graph.nodes.indexOf(node))), plan);
  }

  /** Samples concatenated; the tensor must be alive. */
  values(id: TensorId): Float32Array {
    return this.live.get(id) as Float32Array;
  }

  /** Outputs of a node whose inputs are alive, which stays to be done. */
  async preview(node: FloatNode, plan: QuantizationPlan | null): Promise<ReadonlyMap<TensorId, Float32Array>> {
    return this.evaluate([node], (id) => node.outputs.includes(id), plan);
  }

  private async advance(end: number, plan: QuantizationPlan | null): Promise<void> {
    if (end <= this.done) return;
    const results = await this.evaluate(this.graph.nodes.slice(this.done, end), (id) => (this.lastRead.get(id) ?? -1) >= end, plan);
    for (const [id, values] of results) this.live.set(id, values);
    for (const id of [...this.live.keys()]) if ((this.lastRead.get(id) ?? -1) < end) this.live.delete(id);
    this.done = end;
  }

  private async evaluate(nodes: readonly FloatNode[], isKept: (id: TensorId) => boolean, plan: QuantizationPlan | null): Promise<ReadonlyMap<TensorId, Float32Array>> {
    const region = regionGraph(this.graph, nodes, new Set(this.live.keys()), isKept);
    const own = plan && restricted(plan, region);
    const executor = await createExecutor(region);
    try {
      return await executor.run(this.live, this.samples.count, own ? { transform: fakeQuantTransform(own), constants: fakeQuantConstants(region, own) } : {});
    } finally {
      executor.dispose();
    }
  }
}

/** A graph of its own: ports are named by their tensors, every kept tensor is an output. */
export function regionGraph(graph: FloatGraph, nodes: readonly FloatNode[], given: ReadonlySet<TensorId>, isKept: (id: TensorId) => boolean): FloatGraph {
  const port = (tensor: TensorId) => ({ name: tensor, tensor, sourceShape: [1, ...tensorOf(graph, tensor).shape], batchAxis: 0, permutation: null });
  const read = new Set(nodes.flatMap((node) => node.inputs));
  const made = nodes.flatMap((node) => node.outputs);
  const needed = new Set([...read, ...made]);
  return {
    ...graph,
    inputs: [...given].filter((id) => read.has(id)).map(port),
    outputs: made.filter(isKept).map(port),
    tensors: new Map([...graph.tensors].filter(([id]) => needed.has(id))),
    nodes,
  };
}

function restricted(plan: QuantizationPlan, region: FloatGraph): QuantizationPlan {
  return { ...plan, weights: new Map([...plan.weights].filter(([id]) => region.tensors.has(id))) };
}
