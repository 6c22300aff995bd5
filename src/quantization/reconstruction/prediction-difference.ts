/**
 * PD-Quant's global term (Liu et al., 2023): Kullback-Leibler divergence between the float network's prediction and that
 * of the float network behind the unit's quantized output.
 */
import { scoringTensor } from '../../calibration/accuracy.js';
import { elementCount, tensorOf, type FloatGraph, type FloatNode, type TensorId } from '../../graph/float.js';
import { tf } from '../../tensor/index.js';
import { constantsOf, forward } from './forward.js';
import type { Unit } from './units.js';

export interface PredictionOptions {
  readonly weight: number;
  readonly temperature: number;
}

export class PredictionDifference {
  private readonly constants: ReadonlyMap<TensorId, tf.Tensor>;

  private constructor(
    private readonly graph: FloatGraph,
    private readonly rest: readonly FloatNode[],
    private readonly judged: TensorId,
    /** Float logits of every calibration sample. */
    private readonly logits: Float32Array,
    private readonly options: PredictionOptions,
  ) {
    this.constants = new Map(constantsOf(graph, rest).map((id) => [id, tf.keep(tf.tensor(tensorOf(graph, id).data!, [...tensorOf(graph, id).shape]))]));
  }

  /** Null where the way from the unit to the output needs more than the unit's outputs. */
  static behind(graph: FloatGraph, unit: Unit, logits: Float32Array, options: PredictionOptions): PredictionDifference | null {
    const judged = judgedTensor(graph);
    const made = new Set(unit.outputs);
    const inside = new Set(unit.nodes);
    const rest: FloatNode[] = [];
    for (const node of graph.nodes.slice(1 + graph.nodes.indexOf(unit.nodes.at(-1)!))) {
      if (made.has(judged) || inside.has(node)) break;
      const activations = node.inputs.filter((id) => !tensorOf(graph, id).data);
      if (!activations.every((id) => made.has(id))) return null;
      rest.push(node);
      for (const id of node.outputs) made.add(id);
    }
    return made.has(judged) ? new PredictionDifference(graph, rest, judged, logits, options) : null;
  }

  /** `values`: the unit's activations of these samples. */
  term(values: ReadonlyMap<TensorId, tf.Tensor>, indices: readonly number[]): tf.Tensor {
    const { graph, options } = this;
    const batch = indices.length;
    const made = forward(graph, this.rest, { batch, inputs: values, constants: this.constants });
    const classes = elementCount(tensorOf(graph, this.judged).shape);
    const wanted = tf.tensor2d(Float32Array.from(indices.flatMap((i) => [...this.logits.subarray(i * classes, (i + 1) * classes)])), [batch, classes]);
    const actual = tf.reshape(made.get(this.judged)!, [batch, classes]);
    const target = logSoftmax(tf.div(wanted, options.temperature));
    const predicted = logSoftmax(tf.div(actual, options.temperature));
    const divergence = tf.div(tf.sum(tf.mul(tf.exp(target), tf.sub(target, predicted))), batch);
    return tf.mul(divergence, options.weight);
  }

  dispose(): void {
    for (const tensor of this.constants.values()) tensor.dispose();
  }
}

/** Of rows. TensorFlow.js' own leaves a tensor behind at every call. */
function logSoftmax(logits: tf.Tensor): tf.Tensor {
  const lowered = tf.sub(logits, tf.max(logits, 1, true));
  return tf.sub(lowered, tf.log(tf.sum(tf.exp(lowered), 1, true)));
}

/** What a classifier is judged by: the first output, before a terminal softmax. */
export function judgedTensor(graph: FloatGraph): TensorId {
  return scoringTensor(graph, graph.outputs[0]!.tensor);
}
