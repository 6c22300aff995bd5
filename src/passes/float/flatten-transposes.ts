/** Where only axes of length 1 move, a transpose is a reshape. */
import type { FloatNode } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { isIdentity, movesNothing } from './permutations.js';

export const flattenTransposes: FloatPass = {
  name: 'flatten-transposes',
  title: 'transposes that move nothing turned into reshapes',
  run: (editor) => forEachNode(editor, ['transpose'], (node) => flatten(editor, node)),
};

function flatten(editor: GraphEditor, node: FloatNode): boolean {
  const permutation = node.attributes['permutation'] as readonly number[];
  if (isIdentity(permutation) || !movesNothing(editor.shape(node.inputs[0]!), permutation)) return false;
  editor.update(node, { op: 'reshape', attributes: { shape: editor.shape(node.outputs[0]!) } });
  return true;
}
