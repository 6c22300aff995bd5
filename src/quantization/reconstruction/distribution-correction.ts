/**
 * PD-Quant's distribution correction (Liu et al., 2023, section 3.4): before a unit learns, its cached float inputs are
 * moved until what its layers make of them has the moments that batch normalization saw in training. A few hundred samples
 * then stand for the training data. Batch norms are folded here, so the outputs of the folded layers are compared.
 */
import { elementCount, tensorOf, type ChannelMoments, type FloatGraph, type TensorId } from '../../graph/float.js';
import { tf } from '../../tensor/index.js';
import { Adam } from './adam.js';
import { constantsOf, forward } from './forward.js';
import type { Cached } from './learn-unit.js';
import { openActivations } from './open-activations.js';
import type { Unit } from './units.js';

export interface CorrectionOptions {
  readonly iterations: number;
  /** Adam's, in units of the activations, which batch norms keep near one. */
  readonly rate: number;
  /** Of the distance from the inputs as they were, beside that of the moments: 1/λc. */
  readonly closeness: number;
  readonly batch: number;
}

export interface CorrectedUnit {
  readonly inputs: Cached;
  /** What the float unit makes of them. */
  readonly outputs: Cached;
}

/** Keeps the square root's gradient finite for channels that do not vary. */
const VARIANCE_FLOOR = 1e-6;

/** Layers of a unit whose training moments are known, over more than one position; none where its inputs are the network's own. */
export function correctableLayers(graph: FloatGraph, unit: Unit): ReadonlyMap<TensorId, ChannelMoments> {
  const isOwnInput = unit.inputs.some((id) => graph.inputs.some((port) => port.tensor === id) || tensorOf(graph, id).type !== 'float32');
  const { open, layers } = openActivations({ ...graph, nodes: unit.nodes });
  const known = layers.flatMap(({ bias, output, channels }) => {
    const { moments } = tensorOf(graph, bias);
    return moments && elementCount(tensorOf(open, output).shape) > channels ? [[output, moments] as const] : [];
  });
  return new Map(isOwnInput ? [] : known);
}

/** `onBatch` is told how many samples are done. */
export async function correctDistribution(graph: FloatGraph, unit: Unit, real: Cached, samples: number, options: CorrectionOptions, onBatch?: (done: number) => Promise<void>): Promise<CorrectedUnit> {
  const correction = new Correction(graph, unit, options);
  const inputs = new Map([...real].map(([id, values]) => [id, Float32Array.from(values)]));
  const outputs = new Map(unit.outputs.map((id) => [id, new Float32Array(samples * elementCount(tensorOf(graph, id).shape))]));
  try {
    for (let first = 0; first < samples; first += options.batch) {
      const count = Math.min(options.batch, samples - first);
      const part = (values: Float32Array): Float32Array => values.subarray((first * values.length) / samples, ((first + count) * values.length) / samples);
      const moved = unit.inputs.map((id) => part(inputs.get(id)!));
      correction.move(moved, count);
      correction.outputs(moved, count).forEach((values, k) => part(outputs.get(unit.outputs[k]!)!).set(values));
      await onBatch?.(first + count);
    }
    return { inputs, outputs };
  } finally {
    correction.dispose();
  }
}

class Correction {
  private readonly wanted: ReadonlyMap<TensorId, ChannelMoments>;
  private readonly open: FloatGraph;
  private readonly constants: ReadonlyMap<TensorId, tf.Tensor>;

  constructor(
    graph: FloatGraph,
    private readonly unit: Unit,
    private readonly options: CorrectionOptions,
  ) {
    this.wanted = correctableLayers(graph, unit);
    this.open = openActivations({ ...graph, nodes: unit.nodes }).open;
    this.constants = new Map(constantsOf(this.open, this.open.nodes).map((id) => [id, tf.keep(upload(this.open, id))]));
  }

  /** Moves the inputs in place. */
  move(inputs: readonly Float32Array[], count: number): void {
    const before = inputs.map((values) => values.slice());
    const learners = inputs.map((values) => new Adam(values));
    for (let i = 0; i < this.options.iterations; i++) {
      const gradients = this.gradients(inputs, before, count);
      learners.forEach((learner, k) => learner.step(gradients[k]!, this.options.rate));
    }
  }

  outputs(inputs: readonly Float32Array[], count: number): readonly Float32Array[] {
    const values: Float32Array[] = [];
    tf.tidy(() => {
      const made = this.made(inputs.map((own, k) => this.tensor(own, k, count)), count);
      for (const id of this.unit.outputs) values.push(made.get(id)!.dataSync() as Float32Array);
    });
    return values;
  }

  dispose(): void {
    for (const tensor of this.constants.values()) tensor.dispose();
  }

  private gradients(inputs: readonly Float32Array[], before: readonly Float32Array[], count: number): readonly Float32Array[] {
    const gradients: Float32Array[] = [];
    tf.tidy(() => {
      const start = before.map((own, k) => this.tensor(own, k, count));
      const loss = (...given: tf.Tensor[]): tf.Scalar => {
        const made = this.made(given, count);
        const moments = [...this.wanted].map(([id, wanted]) => momentDistance(made.get(id)!, wanted));
        const moved = given.map((own, k) => tf.mul(tf.mean(tf.squaredDifference(own, start[k]!)), this.options.closeness * own.shape.at(-1)!));
        return tf.addN([...moments, ...moved]) as tf.Scalar;
      };
      const variables = inputs.map((own, k) => this.tensor(own, k, count));
      for (const gradient of tf.grads(loss as never)(variables)) gradients.push(gradient.dataSync() as Float32Array);
    });
    return gradients;
  }

  private made(inputs: readonly tf.Tensor[], count: number): ReadonlyMap<TensorId, tf.Tensor> {
    return forward(this.open, this.open.nodes, { batch: count, inputs: new Map(this.unit.inputs.map((id, k) => [id, inputs[k]!])), constants: this.constants });
  }

  private tensor(values: Float32Array, input: number, count: number): tf.Tensor {
    return tf.tensor(values, [count, ...tensorOf(this.open, this.unit.inputs[input]!).shape]);
  }
}

/** Σ over channels of the squared distances of mean and deviation, each sample's own over its positions; mean over samples. */
export function momentDistance(values: tf.Tensor, { mean, deviation }: ChannelMoments): tf.Tensor {
  const samples = values.shape[0]!;
  const flat = tf.reshape(values, [samples, -1, mean.length]);
  const own = tf.mean(flat, 1, true);
  const squares = tf.sum(tf.square(tf.sub(flat, own)), 1, true);
  const spread = tf.sqrt(tf.add(tf.div(squares, flat.shape[1]! - 1), VARIANCE_FLOOR));
  const distance = tf.add(tf.squaredDifference(own, tf.tensor([...mean], [1, 1, mean.length])), tf.squaredDifference(spread, tf.tensor([...deviation], [1, 1, mean.length])));
  return tf.div(tf.sum(distance), samples);
}

function upload(graph: FloatGraph, id: TensorId): tf.Tensor {
  const { data, shape, type } = tensorOf(graph, id);
  return tf.tensor(data!, [...shape], type === 'float32' ? 'float32' : 'int32');
}
