/**
 * transpose → flatten → dense: the order of the elements goes into the columns of the weights, and the transpose goes away.
 * dense → unflatten → transpose: the same with the rows.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { sameQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { gathered, gatherIndices, type Permutation } from './permutations.js';

export const foldFlatten: FloatPass = {
  name: 'fold-flatten',
  title: 'transposes before a flatten or behind an unflatten folded into dense weights',
  run: (editor) => forEachNode(editor, ['reshape'], (node) => foldIntoColumns(editor, node) || foldIntoRows(editor, node)),
};

/** A reshape to one long axis that only dense layers with constant weights read. */
export function isFoldableFlatten(editor: GraphEditor, node: FloatNode): boolean {
  const output = node.outputs[0]!;
  if (node.op !== 'reshape' || !isVector(editor.shape(output)) || !keepsCodes(editor, node) || editor.isOutput(output)) return false;
  const readers = editor.consumers(output);
  return readers.length > 0 && readers.every((reader) => reader.op === 'dense' && reader.inputs[0] === output && canReorder(editor, reader.inputs[1]!));
}

/** A reshape of what a dense layer with constant weights made, and nothing else reads. */
export function isFoldableUnflatten(editor: GraphEditor, node: FloatNode): boolean {
  if (node.op !== 'reshape' || !isVector(editor.shape(node.inputs[0]!)) || !keepsCodes(editor, node)) return false;
  const dense = editor.producer(node.inputs[0]!, 'dense');
  return dense !== undefined && editor.soleConsumer(node.inputs[0]!) === node && dense.inputs.slice(1).every((id) => canReorder(editor, id));
}

function isVector(shape: readonly number[]): boolean {
  return shape.length > 0 && shape.slice(0, -1).every((size) => size === 1);
}

function keepsCodes(editor: GraphEditor, node: FloatNode): boolean {
  return sameQuantization(editor.tensor(node.inputs[0]!).quantization, editor.tensor(node.outputs[0]!).quantization);
}

function canReorder(editor: GraphEditor, id: TensorId): boolean {
  const { data, quantization } = editor.tensor(id);
  return data instanceof Float32Array && (quantization?.axis ?? 0) === 0;
}

function foldIntoColumns(editor: GraphEditor, node: FloatNode): boolean {
  const transpose = editor.producer(node.inputs[0]!, 'transpose');
  if (!transpose || !keepsCodes(editor, transpose) || !isFoldableFlatten(editor, node)) return false;
  // Element j of the flattened value is element from[j] before the transpose.
  const from = gatherIndices(editor.shape(transpose.inputs[0]!), transpose.attributes['permutation'] as Permutation);
  const position = new Int32Array(from.length);
  from.forEach((element, j) => (position[element] = j));
  for (const dense of editor.consumers(node.outputs[0]!)) {
    const [x, weights, ...bias] = dense.inputs as [TensorId, TensorId, ...TensorId[]];
    const rows = editor.shape(weights)[0]!;
    const indices = Int32Array.from({ length: rows * from.length }, (_, k) => Math.floor(k / from.length) * from.length + position[k % from.length]!);
    editor.update(dense, { inputs: [x, reordered(editor, weights, indices), ...bias] });
  }
  editor.update(node, { inputs: transpose.inputs });
  return true;
}

function foldIntoRows(editor: GraphEditor, node: FloatNode): boolean {
  const transpose = editor.soleConsumer(node.outputs[0]!);
  if (transpose?.op !== 'transpose' || !keepsCodes(editor, transpose) || !isFoldableUnflatten(editor, node)) return false;
  const dense = editor.producer(node.inputs[0]!, 'dense')!;
  const from = gatherIndices(editor.shape(node.outputs[0]!), transpose.attributes['permutation'] as Permutation);
  const [x, ...parameters] = dense.inputs as [TensorId, ...TensorId[]];
  const moved = parameters.map((id) => {
    const width = editor.tensor(id).data!.length / from.length;
    return reordered(editor, id, Int32Array.from({ length: from.length * width }, (_, k) => from[Math.floor(k / width)]! * width + (k % width)));
  });
  editor.update(dense, { inputs: [x, ...moved] });
  const shape = editor.shape(transpose.outputs[0]!);
  editor.add({ op: 'reshape', inputs: node.inputs, attributes: { shape }, origin: node.origin, output: transpose.outputs[0]! });
  editor.remove(node);
  return true;
}

/** Element k becomes what was element indices[k]; scales by row follow their rows. */
function reordered(editor: GraphEditor, id: TensorId, indices: Int32Array): TensorId {
  const { name, shape, data, origin, quantization } = editor.tensor(id);
  if (!quantization) return editor.constant(name, shape, gathered(data!, indices), origin);
  const width = data!.length / shape[0]!;
  const byRow = <T>(list: readonly T[]): readonly T[] => (quantization.axis === null ? list : list.map((_, row) => list[Math.floor(indices[row * width]! / width)]!));
  return editor.constant(name, shape, gathered(data!, indices), origin, {
    ...quantization,
    scale: byRow(quantization.scale),
    zeroPoint: byRow(quantization.zeroPoint),
    ...(quantization.codes && { codes: gathered(quantization.codes, indices) }),
  });
}
