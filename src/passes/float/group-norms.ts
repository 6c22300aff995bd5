/**
 * Group normalization as exporters write it, [C, …] → [groups, rest] → instance norm → [C, …], becomes group-norm with channels
 * last between two transposes, which find others to cancel with.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { identity, inverse, sameShape, type Permutation } from './permutations.js';

export const groupNorms: FloatPass = {
  name: 'group-norms',
  title: 'group normalizations put channels last',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['group-norm'], (node) => rewrite(editor, node))),
};

function rewrite(editor: GraphEditor, norm: FloatNode): boolean {
  const source = sourceOf(editor, norm);
  const result = resultOf(editor, norm);
  if (source === undefined || result === undefined || !sameShape(editor.shape(source), editor.shape(result))) return false;
  const channels = editor.shape(source)[0]!;
  const groups = editor.shape(norm.outputs[0]!).at(-1)!;
  // Every channel of this norm is a whole group of the other's.
  if (norm.attributes['groups'] !== groups || channels % groups !== 0) return false;
  const parameters = norm.inputs.slice(1).map((id) => perChannel(editor, id, channels));
  if (!parameters.every((id) => id !== undefined)) return false;
  const toLast: Permutation = [...identity(editor.shape(source).length).slice(1), 0];
  const { origin, attributes } = norm;
  const image = editor.add({ op: 'transpose', inputs: [source], attributes: { permutation: toLast }, origin });
  const normal = editor.add({ op: 'group-norm', inputs: [image, ...parameters], attributes, origin });
  editor.add({ op: 'transpose', inputs: [normal], attributes: { permutation: inverse(toLast) }, origin, output: result });
  editor.sweep();
  return true;
}

/** One value a group, repeated for its channels. */
function perChannel(editor: GraphEditor, id: TensorId, channels: number): TensorId | undefined {
  const { data, name, origin } = editor.tensor(id);
  if (!(data instanceof Float32Array)) return undefined;
  return editor.constant(name, [channels], Float32Array.from({ length: channels }, (_, c) => data[Math.floor((c * data.length) / channels)]!), origin);
}

/** The tensor [C, …] behind a reshape to [groups, rest] and a transpose to [rest, groups]. */
function sourceOf(editor: GraphEditor, norm: FloatNode): TensorId | undefined {
  const swap = editor.producer(norm.inputs[0]!, 'transpose');
  const reshape = swap && isSwap(swap) ? editor.producer(swap.inputs[0]!, 'reshape') : undefined;
  return reshape && !editor.isConstant(reshape.inputs[0]!) && editor.shape(reshape.inputs[0]!).length > 1 ? reshape.inputs[0] : undefined;
}

function resultOf(editor: GraphEditor, norm: FloatNode): TensorId | undefined {
  const swap = editor.soleConsumer(norm.outputs[0]!);
  const reshape = swap?.op === 'transpose' && isSwap(swap) ? editor.soleConsumer(swap.outputs[0]!) : undefined;
  return reshape?.op === 'reshape' ? reshape.outputs[0] : undefined;
}

function isSwap({ attributes }: FloatNode): boolean {
  return sameShape(attributes['permutation'] as Permutation, [1, 0]);
}
