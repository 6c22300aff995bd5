/**
 * Group normalization as exporters write it, [C, …] → [groups, rest] → instance norm → [C, …], put channels last:
 * […, C] → [positions, groups, C/groups] → [positions · C/groups, groups] → instance norm, and back. The sums of a norm do
 * not mind the order of what they add, so two small transposes do the work of four whole ones.
 */
import type { FloatNode, Origin, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { identity, inverse, sameShape, type Permutation } from './permutations.js';

export const groupNorms: FloatPass = {
  name: 'group-norms',
  title: 'group normalizations put channels last',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['instance-norm'], (node) => rewrite(editor, node))),
};

function rewrite(editor: GraphEditor, norm: FloatNode): boolean {
  const source = sourceOf(editor, norm);
  const result = resultOf(editor, norm);
  if (source === undefined || result === undefined || !sameShape(editor.shape(source), editor.shape(result))) return false;
  const shape = editor.shape(source);
  const groups = editor.shape(norm.outputs[0]!).at(-1)!;
  if (shape[0]! % groups !== 0) return false;
  const rank = shape.length;
  const toLast: Permutation = [...identity(rank).slice(1), 0];
  const channels = shape[0]!;
  const positions = shape.slice(1).reduce((a, b) => a * b, 1);
  const split = { grouped: [positions, groups, channels / groups], swapped: [positions, channels / groups, groups], rows: [(positions * channels) / groups, groups] };
  const { origin } = norm;
  const last = transpose(editor, source, toLast, origin);
  const swapped = transpose(editor, reshape(editor, last, split.grouped, origin), [0, 2, 1], origin);
  const normal = editor.add({ op: 'instance-norm', inputs: [reshape(editor, swapped, split.rows, origin), ...norm.inputs.slice(1)], attributes: norm.attributes, origin });
  const back = transpose(editor, reshape(editor, normal, split.swapped, origin), [0, 2, 1], origin);
  const image = reshape(editor, back, [...shape.slice(1), channels], origin);
  editor.add({ op: 'transpose', inputs: [image], attributes: { permutation: inverse(toLast) }, origin, output: result });
  editor.sweep();
  return true;
}

/** The tensor [C, …] behind a reshape to [groups, rest] and a transpose to [rest, groups]. */
function sourceOf(editor: GraphEditor, norm: FloatNode): TensorId | undefined {
  const swap = editor.producer(norm.inputs[0]!, 'transpose');
  const reshape = swap && isSwap(swap) ? editor.producer(swap.inputs[0]!, 'reshape') : undefined;
  return reshape && !editor.isConstant(reshape.inputs[0]!) && editor.shape(reshape.inputs[0]!).length > 0 ? reshape.inputs[0] : undefined;
}

function resultOf(editor: GraphEditor, norm: FloatNode): TensorId | undefined {
  const swap = editor.soleConsumer(norm.outputs[0]!);
  const reshape = swap?.op === 'transpose' && isSwap(swap) ? editor.soleConsumer(swap.outputs[0]!) : undefined;
  return reshape?.op === 'reshape' ? reshape.outputs[0] : undefined;
}

function isSwap({ attributes }: FloatNode): boolean {
  return sameShape(attributes['permutation'] as Permutation, [1, 0]);
}

function reshape(editor: GraphEditor, id: TensorId, shape: readonly number[], origin: Origin): TensorId {
  return editor.add({ op: 'reshape', inputs: [id], attributes: { shape }, origin });
}

function transpose(editor: GraphEditor, id: TensorId, permutation: Permutation, origin: Origin): TensorId {
  return editor.add({ op: 'transpose', inputs: [id], attributes: { permutation }, origin });
}
