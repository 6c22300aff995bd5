/**
 * Reshapes move behind element-wise nodes, so that those meet the operators that can absorb them (a 1D convolution is a
 * 2D one between reshapes) and the reshapes meet each other.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { perChannelValues, sameQuantization, scalarValue } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { sameShape } from './permutations.js';

const ELEMENTWISE = ['clamp', 'unary', 'add', 'sub', 'mul', 'div', 'batch-norm'];

export const sinkReshapes: FloatPass = {
  name: 'sink-reshapes',
  title: 'reshapes moved behind element-wise nodes',
  run: (editor) => forEachNode(editor, ELEMENTWISE, (node) => sink(editor, node)),
};

function sink(editor: GraphEditor, node: FloatNode): boolean {
  const output = node.outputs[0]!;
  const shape = editor.shape(output);
  const sources = node.inputs.map((id) => unshaped(editor, node, id, shape));
  const lifted = sources.find((source) => source !== undefined && source.shape !== null);
  if (!lifted?.shape || sources.some((source) => source === undefined || (source.shape !== null && !sameShape(source.shape, lifted.shape!)))) return false;
  const { quantization, name } = editor.tensor(output);
  const inner = editor.add({ op: node.op, inputs: sources.map((source) => source!.id), attributes: node.attributes, origin: node.origin, name, ...(quantization && { quantization }) });
  if (!sameShape(editor.shape(inner), lifted.shape)) throw new Error(`'${node.origin.nodeName}' changes its shape when its reshape moves`);
  editor.add({ op: 'reshape', inputs: [inner], attributes: { shape }, origin: node.origin, output });
  return true;
}

/** What stands before the reshape of an operand; `shape` is null for constants that fit before as well as behind. */
function unshaped(editor: GraphEditor, node: FloatNode, id: TensorId, shape: readonly number[]): { readonly id: TensorId; readonly shape: readonly number[] | null } | undefined {
  if (editor.isConstant(id)) return keepsItsMeaning(editor, node, id) ? { id, shape: null } : undefined;
  const reshape = editor.producer(id, 'reshape');
  if (!reshape || !sameShape(editor.shape(id), shape) || editor.soleConsumer(id) !== node) return undefined;
  const before = editor.tensor(reshape.inputs[0]!);
  if (before.data || before.shape.length === 0 || !sameQuantization(before.quantization, editor.tensor(id).quantization)) return undefined;
  return { id: before.id, shape: before.shape };
}

/** A single value, or one a channel of a last axis that the reshape leaves alone. */
function keepsItsMeaning(editor: GraphEditor, node: FloatNode, id: TensorId): boolean {
  const constant = editor.tensor(id);
  if (node.op !== 'batch-norm' && scalarValue(editor, id) !== undefined) return constant.shape.length <= 1;
  if (constant.shape.length !== 1) return false;
  return node.inputs.every((other) => {
    const reshape = editor.producer(other, 'reshape');
    return !reshape || (editor.shape(reshape.inputs[0]!).at(-1) === editor.shape(other).at(-1) && perChannelValues(constant, editor.shape(other)) !== undefined);
  });
}
