/**
 * softmax(x·c) for one constant c > 0, as attention writes it, is a softmax with the factor in its `beta`: no rounding between.
 * So is softmax((q·c)·k): some exporters scale the queries, or queries and keys.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const softmaxScales: FloatPass = {
  name: 'softmax-scales',
  title: 'factors of scores moved into their softmax',
  run(editor) {
    if (editor.quantized) return 0;
    let total = 0;
    for (;;) {
      const count = forEachNode(editor, ['softmax'], (node) => moveFactor(editor, node));
      if (count === 0) return total;
      total += count;
    }
  },
};

function moveFactor(editor: GraphEditor, node: FloatNode): boolean {
  const found = scaledOperand(editor, node, node.inputs[0]!) ?? scaledScores(editor, node);
  if (!found) return false;
  const { reader, scaled, other, factor } = found;
  const attributes = { ...node.attributes, beta: (node.attributes['beta'] as number) * factor };
  const inputs = reader.inputs.map((id) => (id === scaled.outputs[0] ? other : id));
  if (reader === node) editor.update(node, { inputs, attributes });
  else {
    editor.update(reader, { inputs });
    editor.update(node, { attributes });
  }
  editor.remove(scaled);
  return true;
}

interface Scaled {
  /** Who reads the scaled tensor, and is to read `other`. */
  readonly reader: FloatNode;
  readonly scaled: FloatNode;
  readonly other: TensorId;
  readonly factor: number;
}

/** A scaled operand of the product that the scores are. */
function scaledScores(editor: GraphEditor, node: FloatNode): Scaled | undefined {
  const product = editor.producer(node.inputs[0]!, 'matmul');
  if (!product || editor.soleConsumer(product.outputs[0]!) !== node || product.inputs[0] === product.inputs[1]) return undefined;
  return scaledOperand(editor, product, product.inputs[0]!) ?? scaledOperand(editor, product, product.inputs[1]!);
}

/** `id` as a product of one tensor of the same shape and one constant above zero, read by `reader` alone. */
function scaledOperand(editor: GraphEditor, reader: FloatNode, id: TensorId): Scaled | undefined {
  const scaled = editor.producer(id);
  if (!scaled || (scaled.op !== 'mul' && scaled.op !== 'div') || scaled.attributes['activation'] || editor.soleConsumer(id) !== reader) return undefined;
  const at = scaled.inputs.findIndex((input) => editor.isConstant(input));
  const data = at < 0 || (scaled.op === 'div' && at === 0) ? undefined : editor.tensor(scaled.inputs[at]!).data;
  if (!(data instanceof Float32Array) || data.length !== 1) return undefined;
  const factor = scaled.op === 'div' ? 1 / data[0]! : data[0]!;
  const other = scaled.inputs[1 - at]!;
  const sameShape = editor.shape(other).join() === editor.shape(id).join();
  return factor > 0 && Number.isFinite(factor) && sameShape ? { reader, scaled, other, factor } : undefined;
}
