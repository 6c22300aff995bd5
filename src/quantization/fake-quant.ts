/** Float mimicry of the quantized network on the float executor: an estimate of its accuracy, never its definition. */
import { tensorOf, type FloatGraph, type TensorId } from '../graph/float.js';
import { findOperator } from '../operators/index.js';
import type { ActivationPlan, QuantizationPlan } from '../operators/lower.js';
import { twinMost, type TwinRanges } from '../operators/twin.js';
import { tf } from '../tensor/index.js';
import { roundHalfAway, typeRange } from '../graph/lanes.js';
import { channelIndexer } from './scales.js';

/** For the executor's `transform`: every planned activation is rounded to its codes and back, and `codes` to integers. */
export function fakeQuantTransform(plan: QuantizationPlan, codes: ReadonlySet<TensorId> = new Set()): (id: TensorId, value: tf.Tensor) => tf.Tensor {
  return (id, value) => {
    // Halves go up, as in the integers.
    if (codes.has(id)) return tf.tidy(() => tf.floor(tf.add(value, 0.5)));
    const activation = plan.activations.get(id);
    return activation && value.dtype === 'float32' ? fakeQuantize(value, activation) : value;
  };
}

/** Real values as the plan's codes say them. */
export function fakeQuantize(value: tf.Tensor, { scale, zeroPoint, bits, signed, twin }: ActivationPlan): tf.Tensor {
  if (twin) return fakeTwin(value, scale, twin);
  const [least, most] = typeRange({ bits, signed });
  return tf.tidy(() => tf.mul(tf.clipByValue(tf.round(tf.div(value, scale)), least - zeroPoint, most - zeroPoint), scale));
}

/** Both ranges rounded and saturated, one of them taken. */
function fakeTwin(value: tf.Tensor, scale: number, twin: TwinRanges): tf.Tensor {
  const most = twinMost(twin);
  return tf.tidy(() => {
    const units = tf.div(value, scale);
    const lower = tf.clipByValue(tf.round(units), -most, most);
    // Halves go up, as in the integers, whose shares are rounded once before.
    const upper = tf.mul(tf.clipByValue(tf.floor(tf.add(tf.div(units, 2 ** twin.shift), 0.5)), 0, most), 2 ** twin.shift);
    return tf.mul(tf.where(tf.greaterEqual(units, twin.split), upper, lower), scale);
  });
}

/** For the executor's `constants`: weights and biases as their codes say them. */
export function fakeQuantConstants(graph: FloatGraph, plan: QuantizationPlan): ReadonlyMap<TensorId, Float32Array> {
  const constants = new Map<TensorId, Float32Array>();
  for (const [id, weights] of plan.weights) constants.set(id, dequantizedWeights(graph, plan, id) ?? new Float32Array(weights.codes.length));
  for (const node of graph.nodes) {
    const roles = findOperator(node.op)?.float?.weights;
    const biasId = roles?.bias === undefined ? undefined : node.inputs[roles.bias];
    const weights = roles && plan.weights.get(node.inputs[roles.input]);
    const input = plan.activations.get(node.inputs[0]);
    if (biasId !== undefined && weights && input) constants.set(biasId, roundedBias(graph, plan, biasId, weights.scale, input.scale));
  }
  return constants;
}

/** Real values of planned weights, null where the plan has none. */
export function dequantizedWeights(graph: FloatGraph, plan: QuantizationPlan, id: TensorId): Float32Array | null {
  const weights = plan.weights.get(id);
  if (!weights) return null;
  const { channelOf } = channelIndexer(tensorOf(graph, id).shape, weights.scale.length > 1 ? weights.axis : null);
  return Float32Array.from(weights.codes, (code, i) => code * weights.scale[channelOf(i)]);
}

function roundedBias(graph: FloatGraph, plan: QuantizationPlan, id: TensorId, weightScales: readonly number[], inputScale: number): Float32Array {
  return Float32Array.from(biasCodes(graph, plan, id, weightScales, inputScale), (code, c) => code * weightScales[weightScales.length > 1 ? c : 0]! * inputScale);
}

/** A bias as the accumulator starts with it. */
export function biasCodes(graph: FloatGraph, plan: QuantizationPlan, id: TensorId, weightScales: readonly number[], inputScale: number): Float64Array {
  const planned = plan.biases.get(id);
  const real = planned && 'real' in planned ? planned.real : tensorOf(graph, id).data!;
  return Float64Array.from({ length: real.length }, (_, c) => {
    if (planned && 'codes' in planned) return planned.codes[c]!;
    return roundHalfAway(real[c]! / (weightScales[weightScales.length > 1 ? c : 0]! * inputScale));
  });
}
