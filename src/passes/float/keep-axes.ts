/** A reduction that drops its axes keeps them, and a reshape drops them: then it works in any order of axes. */
import type { FloatNode } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const keepAxes: FloatPass = {
  name: 'keep-axes',
  title: 'reductions split from the loss of their axes',
  run: (editor) => forEachNode(editor, ['reduce'], (node) => split(editor, node)),
};

function split(editor: GraphEditor, node: FloatNode): boolean {
  const output = node.outputs[0]!;
  if (node.attributes['keepDims'] === true) return false;
  const { name, shape, quantization } = editor.tensor(output);
  const kept = editor.add({ op: 'reduce', inputs: node.inputs, attributes: { ...node.attributes, keepDims: true }, origin: node.origin, name, ...(quantization && { quantization }) });
  editor.add({ op: 'reshape', inputs: [kept], attributes: { shape }, origin: node.origin, output });
  return true;
}
