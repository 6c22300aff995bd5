/** Codes of weights and biases: the file's own where it has them, else symmetric per channel. */
import { IntegerGraphError } from '../errors.js';
import { tensorOf, type FloatGraph, type FloatNode, type FloatTensor, type TensorId } from '../graph/float.js';
import { findOperator } from '../operators/index.js';
import type { ActivationPlan, Arithmetic, QuantizationPlan, WeightPlan } from '../operators/lower.js';
import { smallestHighMultiplier } from './multiplier.js';
import { BYTE_BITS, channelMaxima, weightPlan, type ScaleSearch } from './scales.js';

type Planned = Pick<QuantizationPlan, 'weights' | 'biases'>;

/** Largest magnitude a bias code may take, so that weights and bias together stay in 32 bits. */
const LARGEST_BIAS_CODE = 2 ** 29;

export interface WeightOptions {
  readonly bits: (node: FloatNode) => number;
  readonly arith: Arithmetic;
  /** How the scales of weights of fewer than 8 bits are found. */
  readonly search: ScaleSearch;
  /** Searched scales of few bits may be negative. */
  readonly flips: boolean;
}

export function planWeights(graph: FloatGraph, activations: ReadonlyMap<TensorId, ActivationPlan>, { bits, arith, search, flips }: WeightOptions): Planned {
  const weights = new Map<TensorId, WeightPlan>();
  const biases = new Map<TensorId, { readonly codes: Int32Array }>();
  for (const node of graph.nodes) {
    const roles = findOperator(node.op)?.float?.weights;
    if (!roles) continue;
    const tensor = tensorOf(graph, node.inputs[roles.input]);
    if (!tensor.data) continue;
    const bias = roles.bias === undefined || node.inputs[roles.bias] === undefined ? undefined : tensorOf(graph, node.inputs[roles.bias]);
    const axis = roles.channelAxis === 'none' ? null : roles.channelAxis;
    const stored = sourceWeights(tensor);
    // Weights that a float network stores in more bits than are asked for are quantized again.
    const isKept = stored && (graph.quantized || stored.bits <= bits(node));
    weights.set(tensor.id, isKept ? stored : weightPlan(tensor.data as Float32Array, tensor.shape, axis, bits(node), { least: leastScales(node, tensor, axis, bias, activations, arith), search, flips }));
    const codes = bias?.quantization?.codes;
    if (bias && codes && graph.quantized) biases.set(bias.id, { codes: Int32Array.from(codes) });
  }
  return { weights, biases };
}

function sourceWeights({ quantization, origin, name }: FloatTensor): WeightPlan | null {
  if (!quantization?.codes) return null;
  const { bits, scale, axis, codes, zeroPoint } = quantization;
  if (bits > 8 || !zeroPoint.every((z) => z === 0)) {
    throw new IntegerGraphError(`weights '${name}' are stored with ${bits} bits and zero point ${zeroPoint.find((z) => z !== 0) ?? 0}`, { origin, hint: 'weights of at most 8 bits with zero point 0 are supported' });
  }
  return { bits, scale, axis: scale.length > 1 ? axis : null, codes: codes instanceof Int8Array ? codes : Int8Array.from(codes) };
}

/**
 * Least scale of every channel's weights: its bias code must fit, and the ratio to the output's scale must be one that
 * the cheap requantization of 8-bit codes holds (channels whose weights all but vanish would spoil the form for the whole
 * layer). Wider codes ask no more: the precise form costs them one instruction.
 */
function leastScales(node: FloatNode, weights: FloatTensor, axis: number | null, bias: FloatTensor | undefined, activations: ReadonlyMap<TensorId, ActivationPlan>, arith: Arithmetic): Float64Array {
  const channels = channelMaxima(weights.data as Float32Array, weights.shape, axis).length;
  const input = activations.get(node.inputs[0]);
  const output = activations.get(node.outputs[0]);
  const least = new Float64Array(channels);
  if (!input || !output) return least;
  const cheapest = arith === 'dyadic' ? (((smallestHighMultiplier(Math.min(output.bits, BYTE_BITS)) + 1) / 2 ** 32) * output.scale) / input.scale : 0;
  const largest = bias?.data ? Math.max(...Array.from(bias.data, Math.abs)) : 0;
  for (let c = 0; c < channels; c++) {
    const magnitude = channels > 1 && bias?.data?.length === channels ? Math.abs(bias.data[c]) : largest;
    least[c] = Math.max(cheapest, magnitude / (LARGEST_BIAS_CODE * input.scale));
  }
  return least;
}
