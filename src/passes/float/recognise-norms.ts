/**
 * (x − mean) / sqrt(mean((x − mean)²) + epsilon), spelled out in single nodes, becomes layer-norm (over the last axes) or
 * group-norm with a group a channel (over all axes but the last). Constants behind a layer-norm become its gamma and beta.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { scalarValue } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { identity, inverse, sameShape } from './permutations.js';

export const recogniseNorms: FloatPass = {
  name: 'recognise-norms',
  title: 'normalizations recognised in single nodes',
  run(editor) {
    if (editor.quantized) return 0;
    const norms = forEachNode(editor, ['div', 'mul'], (node) => recognise(editor, node));
    return norms + forEachNode(editor, ['mul', 'add'], (node) => absorbConstant(editor, node));
  },
};

interface Normalization {
  readonly x: TensorId;
  readonly axes: readonly number[];
  readonly epsilon: number;
}

function recognise(editor: GraphEditor, node: FloatNode): boolean {
  if (node.attributes['activation']) return false;
  const found = matchRoot(editor, node);
  if (!found) return false;
  const { x, axes, epsilon } = found;
  const { origin } = node;
  const output = node.outputs[0]!;
  const rank = editor.shape(x).length;
  const isTrailing = axes.every((axis, i) => axis === rank - axes.length + i);
  // Two axes and more, all but the first: an image with channels first.
  const isChannelsFirst = isTrailing && axes.length === rank - 1 && rank > 2;
  if (isTrailing && !isChannelsFirst) {
    editor.add({ op: 'layer-norm', inputs: [x], attributes: { axis: rank - axes.length, epsilon }, origin, output });
    return true;
  }
  if (axes.length !== rank - 1 || (!isChannelsFirst && axes.includes(rank - 1))) return false;
  const order = isChannelsFirst ? [...identity(rank).slice(1), 0] : identity(rank);
  const image = isChannelsFirst ? editor.add({ op: 'transpose', inputs: [x], attributes: { permutation: order }, origin }) : x;
  const groups = editor.shape(image).at(-1)!;
  const norm = { op: 'group-norm', inputs: [image, ...unitParameters(editor, node, groups)], attributes: { groups, epsilon }, origin };
  if (isChannelsFirst) editor.add({ op: 'transpose', inputs: [editor.add(norm)], attributes: { permutation: inverse(order) }, origin, output });
  else editor.add({ ...norm, output });
  return true;
}

function unitParameters(editor: GraphEditor, { origin }: FloatNode, channels: number): readonly TensorId[] {
  return [1, 0].map((value) => editor.constant(`${origin.nodeName}_${value ? 'gamma' : 'beta'}`, [channels], new Float32Array(channels).fill(value), origin));
}

/** centred / deviation, or centred · (1 / deviation). */
function matchRoot(editor: GraphEditor, node: FloatNode): Normalization | undefined {
  const [a, b] = node.inputs as [TensorId, TensorId];
  if (node.op === 'div') return matchQuotient(editor, a, b);
  for (const [centred, factor] of [[a, b], [b, a]] as const) {
    const reciprocal = unary(editor, factor, 'reciprocal');
    if (reciprocal) return matchQuotient(editor, centred, reciprocal.inputs[0]!);
  }
  return undefined;
}

function matchQuotient(editor: GraphEditor, centred: TensorId, deviation: TensorId): Normalization | undefined {
  const root = unary(editor, deviation, 'sqrt');
  const sum = root && editor.producer(root.inputs[0]!, 'add');
  if (!sum) return undefined;
  const [epsilon, variance] = scalarAnd(editor, sum);
  const mean = variance === undefined ? undefined : meanOf(editor, variance);
  const squared = mean && squareOf(editor, mean.inputs[0]!);
  if (epsilon === undefined || !mean || squared === undefined) return undefined;
  const inner = centredBy(editor, centred);
  const same = squared === centred || sameCentred(inner, centredBy(editor, squared));
  const axes = sortedAxes(editor, mean);
  return inner && same && sameShape(inner.axes, axes) ? { x: inner.x, axes, epsilon } : undefined;
}

/** x − mean(x). */
function centredBy(editor: GraphEditor, id: TensorId): { readonly x: TensorId; readonly axes: readonly number[] } | undefined {
  const sub = editor.producer(id, 'sub');
  const mean = sub && meanOf(editor, sub.inputs[1]!);
  return mean && mean.inputs[0] === sub!.inputs[0] ? { x: sub!.inputs[0]!, axes: sortedAxes(editor, mean) } : undefined;
}

function sameCentred(a: ReturnType<typeof centredBy>, b: ReturnType<typeof centredBy>): boolean {
  return a !== undefined && b !== undefined && a.x === b.x && sameShape(a.axes, b.axes);
}

function squareOf(editor: GraphEditor, id: TensorId): TensorId | undefined {
  const square = unary(editor, id, 'square') ?? editor.producer(id, 'mul');
  return square && square.inputs.every((input) => input === square.inputs[0]) ? square.inputs[0] : undefined;
}

function meanOf(editor: GraphEditor, id: TensorId): FloatNode | undefined {
  const reduce = editor.producer(id, 'reduce');
  return reduce?.attributes['function'] === 'mean' && reduce.attributes['keepDims'] === true ? reduce : undefined;
}

function sortedAxes(editor: GraphEditor, reduce: FloatNode): readonly number[] {
  const rank = editor.shape(reduce.inputs[0]!).length;
  return (reduce.attributes['axes'] as readonly number[]).map((axis) => (axis < 0 ? axis + rank : axis)).sort((a, b) => a - b);
}

function unary(editor: GraphEditor, id: TensorId, name: string): FloatNode | undefined {
  const node = editor.producer(id, 'unary');
  return node?.attributes['function'] === name ? node : undefined;
}

/** The constant and the variable operand of a sum. */
function scalarAnd(editor: GraphEditor, node: FloatNode): readonly [number | undefined, TensorId | undefined] {
  const [a, b] = node.inputs as [TensorId, TensorId];
  return editor.isConstant(a) ? [scalarValue(editor, a), b] : [scalarValue(editor, b), a];
}

/** layer-norm · constant or + constant of the normalized shape. */
function absorbConstant(editor: GraphEditor, node: FloatNode): boolean {
  const side = node.inputs.findIndex((id) => editor.producer(id, 'layer-norm'));
  const value = side < 0 ? undefined : editor.tensor(node.inputs[1 - side]!);
  const norm = side < 0 ? undefined : editor.producer(node.inputs[side]!, 'layer-norm');
  if (!norm || !(value?.data instanceof Float32Array) || value.quantization || node.attributes['activation']) return false;
  const normalized = editor.shape(norm.inputs[0]!).slice(norm.attributes['axis'] as number);
  const trailing = value.shape.slice(Math.max(0, value.shape.length - normalized.length));
  if (editor.soleConsumer(norm.outputs[0]!) !== node || value.data.length !== normalized.reduce((a, b) => a * b, 1) || !sameShape(trailing, normalized)) return false;
  const [gamma, beta] = [1, 2].map((i) => (norm.inputs[i] === undefined ? undefined : (editor.tensor(norm.inputs[i]!).data as Float32Array)));
  const factor = node.op === 'mul' ? value.data : new Float32Array(value.data.length).fill(1);
  const offset = node.op === 'add' ? value.data : new Float32Array(value.data.length);
  const parameters = [factor.map((f, i) => f * (gamma?.[i] ?? 1)), offset.map((o, i) => o + factor[i]! * (beta?.[i] ?? 0))];
  const ids = parameters.map((data, i) => editor.constant(`${norm.origin.nodeName}_${i === 0 ? 'gamma' : 'beta'}`, normalized, data, value.origin));
  editor.add({ op: 'layer-norm', inputs: [norm.inputs[0]!, ...ids], attributes: norm.attributes, origin: norm.origin, output: node.outputs[0]! });
  editor.remove(norm);
  return true;
}
