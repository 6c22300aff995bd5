/** Division by a constant becomes multiplication by its reciprocal: integer targets multiply, and none divides well. */
import type { FloatNode, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const constantQuotients: FloatPass = {
  name: 'constant-quotients',
  title: 'divisions by a constant turned into products',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['div'], (node) => convert(editor, node))),
};

function convert(editor: GraphEditor, node: FloatNode): boolean {
  const [x, divisor] = node.inputs as [TensorId, TensorId];
  const { data, name, shape, origin, quantization } = editor.tensor(divisor);
  if (!(data instanceof Float32Array) || quantization) return false;
  const reciprocals = data.map((value) => 1 / value);
  if (!reciprocals.every(Number.isFinite)) return false;
  editor.update(node, { op: 'mul', inputs: [x, editor.constant(`${name}_reciprocal`, shape, reciprocals, origin)] });
  return true;
}
