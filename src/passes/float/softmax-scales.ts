/** softmax(x·c) for one constant c > 0, as attention writes it, is a softmax with the factor in its `beta`: no rounding between. */
import type { FloatNode } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const softmaxScales: FloatPass = {
  name: 'softmax-scales',
  title: 'factors of scores moved into their softmax',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['softmax'], (node) => moveFactor(editor, node))),
};

function moveFactor(editor: GraphEditor, node: FloatNode): boolean {
  const scaled = editor.producer(node.inputs[0]!);
  if (!scaled || (scaled.op !== 'mul' && scaled.op !== 'div') || scaled.attributes['activation'] || editor.soleConsumer(scaled.outputs[0]!) !== node) return false;
  const at = scaled.inputs.findIndex((id) => editor.isConstant(id));
  const data = at < 0 || (scaled.op === 'div' && at === 0) ? undefined : editor.tensor(scaled.inputs[at]!).data;
  if (!(data instanceof Float32Array) || data.length !== 1) return false;
  const factor = scaled.op === 'div' ? 1 / data[0]! : data[0]!;
  const other = scaled.inputs[1 - at]!;
  const sameShape = editor.shape(other).join() === editor.shape(node.outputs[0]!).join();
  if (!(factor > 0 && Number.isFinite(factor)) || !sameShape) return false;
  editor.update(node, { inputs: [other], attributes: { ...node.attributes, beta: (node.attributes['beta'] as number) * factor } });
  editor.remove(scaled);
  return true;
}
