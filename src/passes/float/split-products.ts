/**
 * A dense layer whose output is only cut along its channels (queries, keys and values in one layer) becomes one layer a cut:
 * nothing is copied, and every part has a scale of its own.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const splitProducts: FloatPass = {
  name: 'split-products',
  title: 'dense layers split where their output is cut',
  run: (editor) => (editor.quantized ? 0 : forEachNode(editor, ['dense'], (node) => split(editor, node))),
};

interface Cut {
  readonly node: FloatNode;
  readonly start: number;
  readonly size: number;
}

function split(editor: GraphEditor, node: FloatNode): boolean {
  const output = node.outputs[0]!;
  const [x, weights, bias] = node.inputs as readonly [TensorId, TensorId, TensorId?];
  if (editor.isOutput(output) || ![weights, bias].every((id) => id === undefined || isPlainConstant(editor, id))) return false;
  const cuts = editor.consumers(output).map((reader) => cutOf(editor, reader, output));
  const wanted = cuts.every((cut) => cut !== null) ? (cuts as readonly Cut[]) : [];
  const total = wanted.reduce((sum, { size }) => sum + size, 0);
  // More channels than the whole has would be computed twice.
  if (wanted.length < 2 || total > editor.shape(output).at(-1)!) return false;
  for (const cut of wanted) {
    const part = [rowsOf(editor, weights, cut), ...(bias === undefined ? [] : [rowsOf(editor, bias, cut)])];
    editor.add({ op: 'dense', inputs: [x, ...part], attributes: node.attributes, origin: node.origin, output: cut.node.outputs[0]! });
  }
  editor.sweep();
  return true;
}

function isPlainConstant(editor: GraphEditor, id: TensorId): boolean {
  const { data, quantization } = editor.tensor(id);
  return data instanceof Float32Array && !quantization;
}

/** The channels that a slice takes; null where it takes anything else. */
function cutOf(editor: GraphEditor, node: FloatNode, x: TensorId): Cut | null {
  if (node.op !== 'slice') return null;
  const shape = editor.shape(x);
  const [starts, sizes, steps] = ['starts', 'sizes', 'steps'].map((name) => node.attributes[name] as readonly number[]) as [readonly number[], readonly number[], readonly number[]];
  const last = shape.length - 1;
  const whole = shape.every((d, axis) => axis === last || (starts[axis] === 0 && sizes[axis] === d));
  return whole && steps.every((step) => step === 1) ? { node, start: starts[last]!, size: sizes[last]! } : null;
}

/** Rows [start, start + size) of a constant's first axis. */
function rowsOf(editor: GraphEditor, id: TensorId, { node, start, size }: Cut): TensorId {
  const { name, shape, data, origin } = editor.tensor(id);
  const length = shape.slice(1).reduce((a, b) => a * b, 1);
  return editor.constant(`${name}_${node.id}`, [size, ...shape.slice(1)], (data as Float32Array).slice(start * length, (start + size) * length), origin);
}
