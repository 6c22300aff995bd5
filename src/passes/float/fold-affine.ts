/**
 * Batch norms, and products and sums with one constant a channel, go into the weights of the operator before them, else
 * of the one behind them, else into one another.
 */
import type { ChannelMoments, FloatNode, TensorId } from '../../graph/float.js';
import { affineOf, joined, type Affine } from './affine.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { biasConstant, biasValues, inputChannel, LINEAR, scaleOutputs } from './weights.js';

export const foldAffine: FloatPass = {
  name: 'fold-affine',
  title: 'batch norms and per-channel constants folded into weights',
  run(editor) {
    if (editor.quantized) return 0;
    return forEachNode(editor, ['batch-norm', 'mul', 'div', 'add', 'sub'], (node) => {
      const affine = affineOf(editor, node);
      return affine !== undefined && (intoProducer(editor, node, affine) || intoConsumer(editor, node, affine) || intoAffine(editor, node, affine));
    });
  },
};

function intoProducer(editor: GraphEditor, node: FloatNode, affine: Affine): boolean {
  const producer = editor.producer(affine.x);
  if (!producer || editor.soleConsumer(affine.x) !== node || producer.attributes['activation']) return false;
  const parameters = producer.op === 'group-norm' ? scaledNorm(editor, producer, affine) : LINEAR.includes(producer.op) ? scaledLinear(editor, producer, node, affine) : undefined;
  if (!parameters) return false;
  const attributes = producer.op === 'group-norm' ? producer.attributes : { ...producer.attributes, activation: affine.activation && { ...affine.activation } };
  if (producer.op === 'group-norm' && affine.activation) return false;
  editor.add({ op: producer.op, inputs: [producer.inputs[0]!, ...parameters], attributes, origin: producer.origin, output: node.outputs[0]! });
  editor.remove(producer);
  return true;
}

function scaledLinear(editor: GraphEditor, producer: FloatNode, node: FloatNode, { scale, shift, x }: Affine): readonly TensorId[] | undefined {
  const weights = editor.tensor(producer.inputs[1]!);
  const channels = editor.shape(x).at(-1)!;
  const bias = biasValues(editor, producer, channels);
  if (!(weights.data instanceof Float32Array) || !bias) return undefined;
  const scaled = scale ? scaleOutputs(editor, producer, scale) : weights.id;
  if (scaled === undefined) return undefined;
  const values = bias.map((b, c) => b * (scale?.[c] ?? 1) + (shift?.[c] ?? 0));
  return [scaled, biasConstant(editor, producer, values, momentsBehind(editor, producer, node, { scale, shift }))];
}

function momentsOf(editor: GraphEditor, { inputs }: FloatNode): ChannelMoments | undefined {
  return inputs[2] === undefined ? undefined : editor.tensor(inputs[2]).moments;
}

/** Of the outputs with the affine behind them: what the batch norm itself says, else the layer's own, moved along. */
function momentsBehind(editor: GraphEditor, producer: FloatNode, node: FloatNode, { scale, shift }: Pick<Affine, 'scale' | 'shift'>): ChannelMoments | undefined {
  if (node.op === 'batch-norm') return editor.tensor(node.inputs[2]!).moments;
  const own = momentsOf(editor, producer);
  return own && {
    mean: own.mean.map((mean, c) => mean * (scale?.[c] ?? 1) + (shift?.[c] ?? 0)),
    deviation: own.deviation.map((deviation, c) => deviation * Math.abs(scale?.[c] ?? 1)),
  };
}

function scaledNorm(editor: GraphEditor, producer: FloatNode, { scale, shift }: Affine): readonly TensorId[] | undefined {
  const [gamma, beta] = producer.inputs.slice(1).map((id) => editor.tensor(id));
  if (!(gamma?.data instanceof Float32Array) || !(beta?.data instanceof Float32Array)) return undefined;
  const scaled = gamma.data.map((g, c) => g * (scale?.[c] ?? 1));
  const shifted = beta.data.map((b, c) => b * (scale?.[c] ?? 1) + (shift?.[c] ?? 0));
  return [editor.constant(gamma.name, gamma.shape, scaled, gamma.origin), editor.constant(beta.name, beta.shape, shifted, beta.origin)];
}

/** A shift in front of zero padding would have to be padded with itself; then only a scale goes in. */
function intoConsumer(editor: GraphEditor, node: FloatNode, affine: Affine): boolean {
  const output = node.outputs[0]!;
  const consumer = editor.soleConsumer(output);
  if (!consumer || affine.activation || !['conv2d', 'depthwise-conv2d', 'dense'].includes(consumer.op) || consumer.inputs[0] !== output || consumer.inputs.lastIndexOf(output) > 0) return false;
  const weights = editor.tensor(consumer.inputs[1]!);
  const outputShape = editor.shape(consumer.outputs[0]!);
  const bias = biasValues(editor, consumer, outputShape.at(-1)!);
  const padded = ((consumer.attributes['pad'] as readonly number[] | undefined) ?? []).some((amount) => amount > 0);
  if (!(weights.data instanceof Float32Array) || !bias || (padded && affine.shift) || (weights.quantization && affine.scale)) return false;
  const folded = foldInputs(weights.data, weights.shape, consumer, affine, bias);
  const inputs = [affine.x, affine.scale ? editor.constant(weights.name, weights.shape, folded, weights.origin) : weights.id];
  if (affine.shift || consumer.inputs[2] !== undefined) inputs.push(affine.shift ? biasConstant(editor, consumer, bias, momentsOf(editor, consumer)) : consumer.inputs[2]!);
  editor.update(consumer, { inputs });
  editor.remove(node);
  return true;
}

/** Returns the scaled weights and adds Σ w·shift to `bias`. */
function foldInputs(data: Float32Array, shape: readonly number[], { op, attributes }: FloatNode, { scale, shift }: Affine, bias: Float64Array): Float32Array {
  const from = inputChannel(op, shape, (attributes['groups'] as number | undefined) ?? 1);
  const behind = data.length / shape[0]!;
  const to = op === 'depthwise-conv2d' ? (k: number) => k % bias.length : (k: number) => Math.floor(k / behind);
  return data.map((w, k) => {
    if (shift) bias[to(k)]! += w * shift[from(k)]!;
    return w * (scale?.[from(k)] ?? 1);
  });
}

/** Two in a row become one: a product, a sum, or a batch norm where both are needed. */
function intoAffine(editor: GraphEditor, node: FloatNode, second: Affine): boolean {
  const before = editor.producer(second.x);
  const first = before && editor.soleConsumer(second.x) === node ? affineOf(editor, before) : undefined;
  if (!before || !first || first.activation || (node.op === 'batch-norm' && second.activation)) return false;
  const { x, scale, shift, activation } = joined(first, second);
  if (scale && shift && activation) return false;
  const channels = editor.shape(x).at(-1)!;
  const constant = (name: string, values: Float64Array): TensorId => editor.constant(`${before.origin.nodeName}_${name}`, [channels], Float32Array.from(values), before.origin);
  const common = { origin: before.origin, output: node.outputs[0]! };
  if (scale && shift) editor.add({ op: 'batch-norm', inputs: [x, constant('scale', scale), constant('shift', shift)], attributes: {}, ...common });
  else if (scale) editor.add({ op: 'mul', inputs: [x, constant('scale', scale)], attributes: { activation: activation && { ...activation } }, ...common });
  else editor.add({ op: 'add', inputs: [x, constant('shift', shift!)], attributes: { activation: activation && { ...activation } }, ...common });
  editor.remove(before);
  return true;
}
