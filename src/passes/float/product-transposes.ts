/**
 * A transpose before the second operand of a matmul that moves the last axis: the matmul reads the operand transposed instead,
 * and what is left of the transpose copies whole rows, or nothing (query · keyᵀ of attention).
 */
import type { FloatNode } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const productTransposes: FloatPass = {
  name: 'product-transposes',
  title: 'transposes moved into matrix products',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['matmul'], (node) => absorb(editor, node))),
};

function absorb(editor: GraphEditor, node: FloatNode): boolean {
  const [a, b] = node.inputs as readonly [string, string];
  const transpose = editor.producer(b, 'transpose');
  if (!transpose || editor.soleConsumer(b) !== node || a === b) return false;
  const permutation = transpose.attributes['permutation'] as readonly number[];
  const last = permutation.length - 1;
  if (last < 1 || permutation[last] === last || permutation[last - 1] !== last) return false;
  const swapped = [...permutation.slice(0, -2), permutation[last]!, permutation[last - 1]!];
  const moved = editor.add({ op: 'transpose', inputs: transpose.inputs, attributes: { permutation: swapped }, origin: transpose.origin });
  editor.update(node, { inputs: [a, moved], attributes: { ...node.attributes, transposeB: node.attributes['transposeB'] !== true } });
  editor.remove(transpose);
  return true;
}
