/**
 * Cross-layer equalization (Nagel et al., 2019, section 4.1): between two layers with nothing but a ReLU, a pool or a
 * flattening in between, a channel may be divided by any s > 0 before and multiplied by it behind. s = √(r1/r2) gives its
 * weights the same largest magnitude on both sides. Bounded activations (ReLU6) do not scale and stop it.
 */
import type { FloatGraph, FloatNode, FusedActivation, TensorId } from '../../graph/float.js';
import { GraphEditor } from './editor.js';
import { inputChannel, LINEAR, outputChannel } from './weights.js';

/** Factors this near 1 are left; sweeps over all pairs go on until every factor is. */
const SETTLED = 1e-3;
const MOST_SWEEPS = 20;
/** A channel's factor altogether. */
const MOST_FACTOR = 100;

interface Pair {
  readonly before: FloatNode;
  readonly behind: FloatNode;
  readonly channels: number;
}

/** Weights and biases under way, by tensor. */
type Values = Map<TensorId, Float64Array>;

/** The same function with equalized weights, and how many pairs of layers there were. */
export function equalizeLayers(graph: FloatGraph): { readonly graph: FloatGraph; readonly pairs: number } {
  const editor = new GraphEditor(graph);
  const pairs = graph.quantized ? [] : editor.list().flatMap((node) => pairFrom(editor, node) ?? []);
  const values: Values = new Map();
  const factors = pairs.map(({ channels }) => new Float64Array(channels).fill(1));
  for (let sweep = 0; sweep < MOST_SWEEPS; sweep++) {
    const largest = Math.max(0, ...pairs.map((pair, k) => equalize(editor, pair, values, factors[k]!)));
    if (largest < SETTLED) break;
  }
  const moments = new Map(pairs.map((pair, k) => [pair.before.inputs[2], factors[k]!]));
  const tensors = new Map([...graph.tensors].map(([id, tensor]) => {
    const changed = values.get(id);
    const s = moments.get(id);
    const own = tensor.moments && s ? { moments: { mean: tensor.moments.mean.map((m, c) => m / s[c]!), deviation: tensor.moments.deviation.map((d, c) => d / s[c]!) } } : {};
    return [id, changed ? { ...tensor, ...own, data: Float32Array.from(changed) } : tensor] as const;
  }));
  return { graph: { ...graph, tensors }, pairs: pairs.length };
}

/** The next layer with weights, where every node on the way scales with its input and has one reader. */
function pairFrom(editor: GraphEditor, before: FloatNode): Pair | undefined {
  if (!isFree(editor, before) || !scales(before)) return undefined;
  const channels = editor.shape(before.outputs[0]!).at(-1)!;
  let id = before.outputs[0]!;
  for (let node = editor.soleConsumer(id); node; node = editor.soleConsumer(id)) {
    if (LINEAR.includes(node.op)) return node.inputs[0] === id && node.inputs.lastIndexOf(id) === 0 && isFree(editor, node) ? { before, behind: node, channels } : undefined;
    if (!isSilent(editor, node)) return undefined;
    id = node.outputs[0]!;
  }
  return undefined;
}

/** Weights and bias are plain constants that nothing else reads. */
function isFree(editor: GraphEditor, { op, inputs }: FloatNode): boolean {
  return LINEAR.includes(op) && inputs.slice(1).every((id) => {
    const { data, quantization } = editor.tensor(id);
    return data instanceof Float32Array && !quantization && editor.consumers(id).length === 1;
  });
}

/** Without an activation, or with one whose bounds are 0 and infinities. */
function scales({ attributes }: FloatNode): boolean {
  const activation = attributes['activation'] as FusedActivation | null | undefined;
  return !activation || [activation.min, activation.max].every((bound) => bound === 0 || Math.abs(bound) === Number.POSITIVE_INFINITY);
}

/** Channels stay the last axis, or become the last factor of one flat axis. */
function isSilent(editor: GraphEditor, node: FloatNode): boolean {
  if (node.op === 'max-pool2d' || node.op === 'average-pool2d') return scales(node);
  if (node.op === 'reshape') return editor.shape(node.outputs[0]!).length === 1;
  if (node.op === 'clamp') return [node.attributes['min'], node.attributes['max']].every((bound) => bound === 0 || Math.abs(bound as number) === Number.POSITIVE_INFINITY);
  return false;
}

/** One pair; returns how far from 1 its largest factor was. */
function equalize(editor: GraphEditor, { before, behind, channels }: Pair, values: Values, factors: Float64Array): number {
  const first = valuesOf(editor, before.inputs[1]!, values);
  const second = valuesOf(editor, behind.inputs[1]!, values);
  const from = outputChannel(before.op, editor.shape(before.inputs[1]!));
  const inner = inputChannel(behind.op, editor.shape(behind.inputs[1]!), (behind.attributes['groups'] as number | undefined) ?? 1);
  const to = (k: number): number => inner(k) % channels;
  const made = maxima(first, from, channels);
  const read = maxima(second, to, channels);
  const step = made.map((own, c) => {
    const wanted = own > 0 && read[c]! > 0 ? factors[c]! * Math.sqrt(own / read[c]!) : factors[c]!;
    return Math.min(MOST_FACTOR, Math.max(1 / MOST_FACTOR, wanted)) / factors[c]!;
  });
  first.forEach((w, k) => void (first[k] = w / step[from(k)]!));
  second.forEach((w, k) => void (second[k] = w * step[to(k)]!));
  if (before.inputs[2] !== undefined) {
    const bias = valuesOf(editor, before.inputs[2], values);
    bias.forEach((b, c) => void (bias[c] = b / step[c]!));
  }
  factors.forEach((factor, c) => void (factors[c] = factor * step[c]!));
  return Math.max(...step.map((s) => Math.abs(s - 1)));
}

function valuesOf(editor: GraphEditor, id: TensorId, values: Values): Float64Array {
  const present = values.get(id) ?? Float64Array.from(editor.tensor(id).data!);
  values.set(id, present);
  return present;
}

/** Largest magnitude of every channel. */
function maxima(weights: Float64Array, channelOf: (k: number) => number, channels: number): Float64Array {
  const largest = new Float64Array(channels);
  weights.forEach((w, k) => {
    const c = channelOf(k);
    largest[c] = Math.max(largest[c]!, Math.abs(w));
  });
  return largest;
}
