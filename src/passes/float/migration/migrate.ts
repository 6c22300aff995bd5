/** Carries out a migration, exactly up to float rounding: x̃ = (x − z)/s behind the producer, W̃ = W·diag(s) and b̃ = b + W·z before the readers. */
import { elementCount, type FloatNode, type TensorId } from '../../../graph/float.js';
import type { GraphEditor } from '../editor.js';
import { biasConstant, biasValues, inputChannel, outputChannel } from '../weights.js';
import type { Labels } from './labels.js';
import type { MigrationSite, Reader } from './sites.js';

/** One a channel of the producer: z and s > 0. */
export interface ChannelMove {
  readonly shift: Float64Array;
  readonly scale: Float64Array;
}

export function migrate(editor: GraphEditor, site: MigrationSite, move: ChannelMove): void {
  for (const tensor of new Set(site.others.map((reader) => reader.tensor))) undo(editor, tensor, site, move);
  for (const reader of site.absorbers) absorb(editor, reader, move);
  moveProducer(editor, site, move);
}

/** γ/s and (β − z)/s of a layer norm; rows W/s and (b − z)/s of a linear layer. */
function moveProducer(editor: GraphEditor, { producer, channels }: MigrationSite, { shift, scale }: ChannelMove): void {
  const weights = editor.tensor(producer.inputs[1]!);
  const channel = producer.op === 'layer-norm' ? (k: number) => k % channels : outputChannel(producer.op, weights.shape);
  const scaled = (weights.data as Float32Array).map((w, k) => w / scale[channel(k)]!);
  const bias = biasValues(editor, producer, channels)!.map((b, c) => (b - shift[c]!) / scale[c]!);
  const moments = producer.inputs[2] === undefined ? undefined : editor.tensor(producer.inputs[2]).moments;
  const moved = moments && { mean: moments.mean.map((m, c) => (m - shift[c]!) / scale[c]!), deviation: moments.deviation.map((d, c) => d / scale[c]!) };
  editor.update(producer, { inputs: [producer.inputs[0]!, editor.constant(weights.name, weights.shape, scaled, weights.origin), biasConstant(editor, producer, bias, moved)] });
}

/** The reader's weights and bias take the inverse. */
function absorb(editor: GraphEditor, { node, columns }: Reader, { shift, scale }: ChannelMove): void {
  const weights = editor.tensor(node.inputs[1]!);
  const [inner, outer] = [inputChannel(node.op, weights.shape, 1), outputChannel(node.op, weights.shape)];
  const data = weights.data as Float32Array;
  const bias = biasValues(editor, node, weights.shape[0]!)!;
  data.forEach((w, k) => void (bias[outer(k)]! += w * shift[columns[inner(k)]!]!));
  const scaled = data.map((w, k) => w * scale[columns[inner(k)]!]!);
  const inputs = [node.inputs[0]!, editor.constant(weights.name, weights.shape, scaled, weights.origin)];
  const hasBias = node.inputs[2] !== undefined || bias.some((b) => b !== 0);
  editor.update(node, { inputs: [...inputs, ...(hasBias ? [biasConstant(editor, node, bias)] : [])], attributes: withMovedPadding(node, columns, { shift, scale }) });
}

/** Padding of v becomes (v − z)/s, as everything else that the reader sees. */
function withMovedPadding({ attributes }: FloatNode, columns: Labels, { shift, scale }: ChannelMove): FloatNode['attributes'] {
  const amounts = (attributes['pad'] ?? []) as readonly number[];
  if (amounts.every((amount) => amount === 0)) return attributes;
  const present = attributes['padValues'] as readonly number[] | undefined;
  const padValues = Array.from(columns, (c, k) => ((present?.[k] ?? 0) - shift[c]!) / scale[c]! + 0);
  return padValues.some((value) => value !== 0) ? { ...attributes, padValues } : attributes;
}

/** x = x̃·s + z before readers that need x: a depthwise 1x1 convolution, whose weights have a scale of their own a channel. */
function undo(editor: GraphEditor, tensor: TensorId, { producer: { origin }, others }: MigrationSite, { shift, scale }: ChannelMove): void {
  const readers = others.filter((reader) => reader.tensor === tensor);
  const { columns } = readers[0]!;
  const shape = editor.shape(tensor);
  const weights = editor.constant(`${origin.nodeName}_undo_scale`, [1, 1, columns.length, 1], Float32Array.from(columns, (c) => scale[c]!), origin);
  const bias = editor.constant(`${origin.nodeName}_undo_shift`, [columns.length], Float32Array.from(columns, (c) => shift[c]!), origin);
  const before = editor.add({ op: 'reshape', inputs: [tensor], attributes: { shape: [1, elementCount(shape) / columns.length, columns.length] }, origin });
  const undone = editor.add({ op: 'depthwise-conv2d', inputs: [before, weights, bias], attributes: { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], activation: null }, origin });
  const after = editor.add({ op: 'reshape', inputs: [undone], attributes: { shape: [...shape] }, origin });
  for (const output of new Set(readers.map(({ node }) => node.outputs[0]!))) {
    const node = editor.producer(output)!;
    editor.update(node, { inputs: node.inputs.map((id) => (id === tensor ? after : id)) });
  }
}
