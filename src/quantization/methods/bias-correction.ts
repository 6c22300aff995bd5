/**
 * Empirical bias correction (Nagel et al., 2019, section 4.2): rounding weights shifts the mean of a layer's outputs; the
 * bias takes the shift back. Weights of few bits also change the deviation of a channel's outputs; its weight scale, which
 * costs nothing at run time, takes that back in the same pass. Layer by layer in order of depth, with inputs from the
 * quantized prefix, moments over the calibration samples before the fused activation.
 */
import { firstSamples } from '../../calibration/data/samples.js';
import { CalibrationError } from '../../errors.js';
import { tensorOf, type FloatGraph } from '../../graph/float.js';
import type { QuantizationPlan } from '../../operators/lower.js';
import { openActivations, type OpenLayer } from '../reconstruction/open-activations.js';
import { Prefix } from '../reconstruction/prefix.js';
import type { MethodContext } from './method.js';

/** Samples whose means decide. */
const MOST_SAMPLES = 512;
/** A weight scale changes at most so much. */
const MOST_STRETCH = 2;

export async function correctBiases(plan: QuantizationPlan, { graph, samples }: MethodContext): Promise<QuantizationPlan> {
  if (!samples) throw new CalibrationError('bias correction needs calibration samples', { hint: 'give them with --calib' });
  const { open, layers } = openActivations(graph);
  const used = firstSamples(samples, MOST_SAMPLES);
  const float = new Prefix(open, used);
  const quantized = new Prefix(open, used);
  let corrected = plan;
  for (const layer of layers) {
    if ('codes' in (corrected.biases.get(layer.bias) ?? {})) continue;
    await float.advancePast([layer.node], null);
    await quantized.advanceTo([layer.node], corrected);
    const actual = (await quantized.preview(layer.node, corrected)).get(layer.output)!;
    corrected = withCorrection(corrected, open, layer, moments(float.values(layer.output), layer.channels), moments(actual, layer.channels));
  }
  return corrected;
}

/** Bias and, where every channel has a scale of its own, weight scales that give the outputs their wanted mean and deviation. */
function withCorrection(plan: QuantizationPlan, graph: FloatGraph, { bias, weights: id, channels }: OpenLayer, wanted: Moments, actual: Moments): QuantizationPlan {
  const planned = plan.biases.get(bias);
  const before = planned && 'real' in planned ? planned.real : tensorOf(graph, bias).data!;
  const weights = plan.weights.get(id);
  const isScaled = weights?.scale.length === channels && weights.bits < 8 && !weights.encoding;
  const stretch = Float64Array.from({ length: channels }, (_, c) => {
    const ratio = wanted.deviation[c] / actual.deviation[c];
    return isScaled && ratio > 0 ? Math.min(MOST_STRETCH, Math.max(1 / MOST_STRETCH, ratio)) : 1;
  });
  const real = Float64Array.from({ length: channels }, (_, c) => wanted.mean[c] + stretch[c] * (before[c % before.length] - actual.mean[c]));
  const biases = new Map([...plan.biases, [bias, { real }]]);
  if (!isScaled) return { ...plan, biases };
  const scale = weights.scale.map((own, c) => Math.fround(own * stretch[c]));
  return { ...plan, biases, weights: new Map([...plan.weights, [id, { ...weights, scale }]]) };
}

interface Moments {
  readonly mean: Float64Array;
  readonly deviation: Float64Array;
}

/** Of every channel; channels are the last axis. */
function moments(values: Float32Array, channels: number): Moments {
  const count = values.length / channels;
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c++) {
      const value = values[i + c];
      sums[c] += value;
      squares[c] += value * value;
    }
  }
  const mean = sums.map((sum) => sum / count);
  return { mean, deviation: squares.map((sum, c) => Math.sqrt(Math.max(0, sum / count - mean[c] ** 2))) };
}
