/** What quantized operands do to the output of one product, weighted by what the prediction makes of it (PTQ4ViT, section 3.3). */
import { elementCount, tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { evaluateNode, upload } from '../../tensor/evaluate.js';
import { tf } from '../../tensor/index.js';
import { dequantizedWeights, fakeQuantize } from '../fake-quant.js';

/** Of the float network, samples concatenated. */
export interface FloatValues {
  readonly count: number;
  readonly values: ReadonlyMap<TensorId, Float32Array>;
  /** Of outputs of products; absent: every element weighs the same. */
  readonly gradients: ReadonlyMap<TensorId, Float32Array> | null;
}

/** One product with its float operands on the backend. */
export class ProductErrors {
  private readonly operands: ReadonlyMap<TensorId, tf.Tensor>;
  private readonly wanted: tf.Tensor;
  private readonly gradient: tf.Tensor | null;

  constructor(
    private readonly graph: FloatGraph,
    readonly node: FloatNode,
    private readonly float: FloatValues,
  ) {
    const output = node.outputs[0]!;
    this.operands = new Map(node.inputs.map((id) => [id, this.uploaded(id, tensorOf(graph, id).data ?? float.values.get(id)!)]));
    this.wanted = this.uploaded(output, float.values.get(output)!);
    this.gradient = float.gradients && this.uploaded(output, float.gradients.get(output)!);
  }

  /** Summed weighted squared error of every channel (last axis) of the output. `weights`: stands in for the constant of that id. */
  perChannel(plan: QuantizationPlan, replaced?: { readonly id: TensorId; readonly data: Float32Array }): Float32Array {
    return tf.tidy(() => {
      const operands = this.node.inputs.map((id) => this.quantized(id, plan, replaced?.id === id ? replaced.data : null));
      const [output] = evaluateNode(this.node, { batch: this.float.count, inputs: operands, outputShapes: [tensorOf(this.graph, this.node.outputs[0]!).shape] });
      return errorsByChannel(output!, this.wanted, this.gradient).dataSync() as Float32Array;
    });
  }

  total(plan: QuantizationPlan): number {
    return this.perChannel(plan).reduce((sum, error) => sum + error, 0);
  }

  dispose(): void {
    tf.dispose([...this.operands.values(), this.wanted, ...(this.gradient ? [this.gradient] : [])]);
  }

  private uploaded(id: TensorId, data: Float32Array | Int32Array): tf.Tensor {
    const { shape, type, data: constant } = tensorOf(this.graph, id);
    return upload(data, constant ? shape : [data.length / elementCount(shape), ...shape], type);
  }

  private quantized(id: TensorId, plan: QuantizationPlan, data: Float32Array | null): { value: tf.Tensor; constant: boolean; shape: readonly number[] } {
    const { shape, data: constant } = tensorOf(this.graph, id);
    const operand = this.operands.get(id)!;
    const weights = data ?? dequantizedWeights(this.graph, plan, id);
    const activation = plan.activations.get(id);
    const value = weights ? upload(weights, shape, 'float32') : activation ? fakeQuantize(operand, activation) : operand;
    return { value, constant: constant !== undefined, shape };
  }
}

/** Σ((actual − wanted)·gradient)² over everything but the last axis. */
export function errorsByChannel(actual: tf.Tensor, wanted: tf.Tensor, gradient: tf.Tensor | null): tf.Tensor {
  return tf.tidy(() => {
    const difference = tf.sub(actual, wanted);
    const weighted = gradient ? tf.mul(difference, gradient) : difference;
    return tf.sum(tf.reshape(tf.mul(weighted, weighted), [-1, actual.shape.at(-1)!]), 0);
  });
}

/** Factors from `low` in equal steps towards `high`, which itself is not tried. */
export function factors(low: number, high: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => low + (i * (high - low)) / count);
}

/** For every block of channels the candidate of least error, the first of equals. errors[candidate][channel]. */
export function leastPerBlock(errors: readonly ArrayLike<number>[], blockOf: (channel: number) => number, blocks: number): readonly number[] {
  const sums = errors.map((list) => {
    const totals = new Float64Array(blocks);
    for (let c = 0; c < list.length; c++) totals[blockOf(c)]! += list[c]!;
    return totals;
  });
  return Array.from({ length: blocks }, (_, b) => sums.reduce((best, totals, i) => (totals[b]! < sums[best]![b]! ? i : best), 0));
}
