/**
 * How much the prediction depends on every element of a layer's output: the gradient of the cross-entropy to the class that
 * the float network itself predicts. (The paper's code takes the divergence from the network's own prediction, whose gradient
 * is 0 up to rounding.) Networks that do not classify get the gradient of a random sum of their outputs, Jᵀv with v = ±1.
 */
import { scoringTensor } from '../../calibration/accuracy.js';
import type { SampleSet } from '../../calibration/types.js';
import { elementCount, tensorOf, type FloatGraph, type TensorId } from '../../graph/float.js';
import { upload } from '../../tensor/evaluate.js';
import { initTensor, tf } from '../../tensor/index.js';
import { constantsOf, forward } from '../reconstruction/forward.js';
import { SeededRandom } from '../../tensor/random.js';

/** Samples of one backward pass. */
const BATCH = 8;

/** Gradients of `tensors`, samples concatenated. */
export async function outputGradients(graph: FloatGraph, samples: SampleSet, tensors: readonly TensorId[], seed: number): Promise<ReadonlyMap<TensorId, Float32Array>> {
  await initTensor();
  const judged = scoringTensor(graph, graph.outputs[0]!.tensor);
  const constants = new Map(constantsOf(graph, graph.nodes).map((id) => [id, upload(tensorOf(graph, id).data!, tensorOf(graph, id).shape, tensorOf(graph, id).type)]));
  const results = new Map(tensors.map((id) => [id, new Float32Array(samples.count * elementCount(tensorOf(graph, id).shape))]));
  const random = new SeededRandom(seed);
  try {
    for (let first = 0; first < samples.count; first += BATCH) {
      const batch = Math.min(BATCH, samples.count - first);
      const gradients = batchGradients({ graph, constants, tensors, judged }, inputsOf(graph, samples, first, batch), batch, random);
      gradients.forEach((values, i) => results.get(tensors[i]!)!.set(values, first * elementCount(tensorOf(graph, tensors[i]!).shape)));
    }
  } finally {
    for (const value of constants.values()) value.dispose();
  }
  return results;
}

interface Network {
  readonly graph: FloatGraph;
  readonly constants: ReadonlyMap<TensorId, tf.Tensor>;
  readonly tensors: readonly TensorId[];
  readonly judged: TensorId;
}

function inputsOf(graph: FloatGraph, samples: SampleSet, first: number, batch: number): ReadonlyMap<TensorId, tf.Tensor> {
  return new Map(
    graph.inputs.map((port) => {
      const { shape, type } = tensorOf(graph, port.tensor);
      const size = elementCount(shape);
      return [port.tensor, upload(samples.inputs.get(port.name)!.slice(first * size, (first + batch) * size), [batch, ...shape], type)];
    }),
  );
}

/** Zeros that are added to every tensor take its gradient. */
function batchGradients({ graph, constants, tensors, judged }: Network, inputs: ReadonlyMap<TensorId, tf.Tensor>, batch: number, random: SeededRandom): readonly Float32Array[] {
  const places = new Map(tensors.map((id, i) => [id, i]));
  const shape = tensorOf(graph, judged).shape;
  const probe = Float32Array.from({ length: batch * elementCount(shape) }, () => (random.next() < 0.5 ? -1 : 1));
  let values: readonly Float32Array[] = [];
  tf.tidy(() => {
    const loss = (...added: tf.Tensor[]): tf.Scalar => {
      const transform = (id: TensorId, value: tf.Tensor): tf.Tensor => (places.has(id) ? tf.add(value, tf.mul(added[places.get(id)!]!, 1)) : value);
      const output = forward(graph, graph.nodes, { batch, inputs, constants, transform }).get(judged)!;
      return shape.length === 1 && shape[0]! > 1 ? crossEntropy(output as tf.Tensor2D) : tf.sum(tf.mul(output, tf.tensor(probe, output.shape)));
    };
    const zeros = tensors.map((id) => tf.zeros([batch, ...tensorOf(graph, id).shape]));
    values = tf.grads(loss)(zeros).map((value) => value.dataSync() as Float32Array);
  });
  tf.dispose([...inputs.values()]);
  return values;
}

/** Summed over the samples, to the class of the largest logit: log Σ exp(l − max l). */
function crossEntropy(logits: tf.Tensor2D): tf.Scalar {
  return tf.sum(tf.log(tf.sum(tf.exp(tf.sub(logits, tf.max(logits, 1, true))), 1)));
}
