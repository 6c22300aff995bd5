/**
 * Empirical bias correction (Nagel et al., 2019, section 4.2): rounding weights shifts the mean of a layer's outputs; the
 * bias takes the shift back. Layer by layer in order of depth, with inputs from the quantized prefix, means over the
 * calibration samples before the fused activation.
 */
import { createExecutor, type FloatExecutor } from '../../calibration/executor.js';
import type { SampleSet } from '../../calibration/types.js';
import { CalibrationError } from '../../errors.js';
import { tensorOf, type Attributes, type FloatGraph, type FloatNode, type FloatTensor, type TensorId } from '../../graph/float.js';
import { findOperator } from '../../operators/index.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { fakeQuantConstants, fakeQuantTransform } from '../fake-quant.js';
import type { MethodContext } from './method.js';

/** Samples whose means decide, and how many are held in memory at once. */
const MOST_SAMPLES = 256;
const CHUNK = 32;

interface Layer {
  readonly bias: TensorId;
  /** Output before the fused activation. */
  readonly output: TensorId;
  readonly channels: number;
}

export async function correctBiases(plan: QuantizationPlan, { graph, samples }: MethodContext): Promise<QuantizationPlan> {
  if (!samples) throw new CalibrationError('bias correction needs calibration samples', { hint: 'give them with --calib' });
  const { open, layers } = openActivations(graph);
  const executor = await createExecutor(open);
  try {
    const count = Math.min(samples.count, MOST_SAMPLES);
    let corrected = plan;
    for (const layer of layers) {
      if ('codes' in (corrected.biases.get(layer.bias) ?? {})) continue;
      const wanted = await channelMeans(executor, layer, samples, count, null);
      const actual = await channelMeans(executor, layer, samples, count, corrected);
      corrected = withBias(corrected, graph, layer, Float64Array.from(wanted, (mean, c) => mean - actual[c]));
    }
    return corrected;
  } finally {
    executor.dispose();
  }
}

function withBias(plan: QuantizationPlan, graph: FloatGraph, { bias, channels }: Layer, shift: Float64Array): QuantizationPlan {
  const planned = plan.biases.get(bias);
  const before = planned && 'real' in planned ? planned.real : tensorOf(graph, bias).data!;
  const real = Float64Array.from({ length: channels }, (_, c) => before[c % before.length] + shift[c]);
  return { ...plan, biases: new Map([...plan.biases, [bias, { real }]]) };
}

/** Mean of every output channel, in float (plan null) or fake-quantized. */
async function channelMeans(executor: FloatExecutor, layer: Layer, samples: SampleSet, count: number, plan: QuantizationPlan | null): Promise<Float64Array> {
  const quantized = plan && { transform: fakeQuantTransform(plan), constants: fakeQuantConstants(executor.graph, plan) };
  const sums = new Float64Array(layer.channels);
  let elements = 0;
  for (let first = 0; first < count; first += CHUNK) {
    const size = Math.min(CHUNK, count - first);
    const values = (await executor.run(chunk(samples, first, size), size, { keep: [layer.output], ...quantized })).get(layer.output)!;
    for (let i = 0; i < values.length; i++) sums[i % layer.channels] += values[i];
    elements += values.length / layer.channels;
  }
  return sums.map((sum) => sum / elements);
}

function chunk(samples: SampleSet, first: number, size: number): ReadonlyMap<string, Float32Array | Int32Array> {
  return new Map(
    [...samples.inputs].map(([name, values]) => {
      const length = values.length / samples.count;
      return [name, values.subarray(first * length, (first + size) * length)];
    }),
  );
}

/** The graph with every fused activation of a layer with a bias as a clamp of its own, so that the value before it can be kept. */
function openActivations(graph: FloatGraph): { readonly open: FloatGraph; readonly layers: readonly Layer[] } {
  const tensors = new Map<TensorId, FloatTensor>(graph.tensors);
  const layers: Layer[] = [];
  const nodes = graph.nodes.flatMap((node): readonly FloatNode[] => {
    const roles = findOperator(node.op)?.float?.weights;
    const bias = roles?.bias === undefined ? undefined : node.inputs[roles.bias];
    if (bias === undefined || !tensorOf(graph, bias).data) return [node];
    const activation = node.attributes['activation'] as { readonly min: number; readonly max: number } | null | undefined;
    const output = tensorOf(graph, node.outputs[0]);
    const channels = output.shape[output.shape.length - 1];
    const openId = activation ? `${output.id}:open` : output.id;
    layers.push({ bias, output: openId, channels });
    if (!activation) return [node];
    tensors.set(openId, { ...output, id: openId });
    const clamp: Attributes = { min: activation.min, max: activation.max };
    return [
      { ...node, outputs: [openId], attributes: { ...node.attributes, activation: null } },
      { id: `${node.id}:clamp`, op: 'clamp', inputs: [openId], outputs: [output.id], attributes: clamp, origin: node.origin },
    ];
  });
  return { open: { ...graph, tensors, nodes }, layers };
}
