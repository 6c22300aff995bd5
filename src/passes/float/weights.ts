/** Weights and biases of linear operators under scaling by channel. Codes of hybrid files stay; their scales take the factor. */
import type { ChannelMoments, FloatNode, FloatTensor, SourceQuantization, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';

export const LINEAR = ['conv2d', 'depthwise-conv2d', 'conv2d-transpose', 'dense'];

/** The output channel of element k of the weights. */
export function outputChannel(op: string, shape: readonly number[]): (k: number) => number {
  if (op === 'depthwise-conv2d') {
    const channels = shape[2]! * shape[3]!;
    return (k) => k % channels;
  }
  const behind = shape.slice(1).reduce((a, b) => a * b, 1);
  return (k) => Math.floor(k / behind);
}

/** The input channel of element k of the weights, for operators with one input a channel group. */
export function inputChannel(op: string, shape: readonly number[], groups: number): (k: number) => number {
  if (op === 'depthwise-conv2d') return (k) => Math.floor(k / shape[3]!) % shape[2]!;
  const depth = shape.at(-1)!;
  const behind = shape.slice(1).reduce((a, b) => a * b, 1);
  const outputsPerGroup = shape[0]! / groups;
  return (k) => Math.floor(Math.floor(k / behind) / outputsPerGroup) * depth + (k % depth);
}

/** The axis that per-channel scales of outputs run along, null where no single axis does (a depthwise multiplier). */
export function outputAxis(op: string, shape: readonly number[]): number | null {
  if (op !== 'depthwise-conv2d') return 0;
  return shape[3] === 1 ? 2 : shape[2] === 1 ? 3 : null;
}

/** The weights with every output channel times its factor; undefined where stored codes could not follow. */
export function scaleOutputs(editor: GraphEditor, node: FloatNode, factors: Float64Array): TensorId | undefined {
  const weights = editor.tensor(node.inputs[1]!);
  const channel = outputChannel(node.op, weights.shape);
  const quantization = weights.quantization && scaledQuantization(weights.quantization, outputAxis(node.op, weights.shape), factors);
  if (weights.quantization && !quantization) return undefined;
  const data = (weights.data as Float32Array).map((w, k) => w * factors[channel(k)]!);
  return editor.constant(weights.name, weights.shape, data, weights.origin, quantization);
}

/** Scales must stay positive, and run along the output channels or be one for all. */
function scaledQuantization(quantization: SourceQuantization, axis: number | null, factors: Float64Array): SourceQuantization | undefined {
  if (factors.some((factor) => !(factor > 0)) || axis === null || (quantization.axis !== null && quantization.axis !== axis)) return undefined;
  const at = <T>(list: readonly T[], channel: number): T => list[list.length === 1 ? 0 : channel]!;
  return {
    ...quantization,
    axis,
    scale: [...factors].map((factor, channel) => factor * at(quantization.scale, channel)),
    zeroPoint: [...factors].map((_, channel) => at(quantization.zeroPoint, channel)),
  };
}

/** The bias of a linear node as doubles, zeros where it has none. */
export function biasValues(editor: GraphEditor, node: FloatNode, channels: number): Float64Array | undefined {
  const id = node.inputs[2];
  if (id === undefined) return new Float64Array(channels);
  const { data } = editor.tensor(id);
  return data instanceof Float32Array ? Float64Array.from(data) : undefined;
}

export function biasConstant(editor: GraphEditor, node: FloatNode, values: Float64Array, moments?: ChannelMoments): TensorId {
  const present: FloatTensor | undefined = node.inputs[2] === undefined ? undefined : editor.tensor(node.inputs[2]);
  return editor.constant(present?.name ?? `${node.origin.nodeName}_bias`, [values.length], Float32Array.from(values), present?.origin ?? node.origin, undefined, moments);
}
