/** A batch norm that no weights could take becomes a depthwise 1x1 convolution, which every target has. */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { elementCount } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const finishBatchNorms: FloatPass = {
  name: 'finish-batch-norms',
  title: 'batch norms turned into depthwise 1x1 convolutions',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['batch-norm'], (node) => convert(editor, node))),
};

function convert(editor: GraphEditor, node: FloatNode): boolean {
  const [x, scale, shift] = node.inputs as [TensorId, TensorId, TensorId];
  const { origin } = node;
  const output = node.outputs[0]!;
  const shape = editor.shape(x);
  const channels = shape.at(-1)!;
  const factors = editor.tensor(scale);
  if (!(factors.data instanceof Float32Array) || !editor.isConstant(shift)) return false;
  const weights = editor.constant(factors.name, [1, 1, channels, 1], factors.data, factors.origin);
  const attributes = { strides: [1, 1], dilations: [1, 1], pad: [0, 0, 0, 0], activation: null };
  if (shape.length === 3) {
    editor.add({ op: 'depthwise-conv2d', inputs: [x, weights, shift], attributes, origin, output });
    return true;
  }
  const image = [1, elementCount(shape) / channels, channels];
  const before = editor.add({ op: 'reshape', inputs: [x], attributes: { shape: image }, origin });
  const scaled = editor.add({ op: 'depthwise-conv2d', inputs: [before, weights, shift], attributes, origin });
  editor.add({ op: 'reshape', inputs: [scaled], attributes: { shape }, origin, output });
  return true;
}
