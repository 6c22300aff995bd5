/** A clamp behind an operator that can clamp its own result goes into it. */
import type { FloatNode, FusedActivation } from '../../graph/float.js';
import { sameQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

const CLAMPING = ['conv2d', 'depthwise-conv2d', 'conv2d-transpose', 'dense', 'add', 'sub', 'mul', 'div', 'max-pool2d', 'average-pool2d', 'clamp'];

export const fuseActivations: FloatPass = {
  name: 'fuse-activations',
  title: 'clamps fused into the operator before them',
  run: (editor) => forEachNode(editor, ['clamp'], (node) => fuse(editor, node)),
};

function fuse(editor: GraphEditor, clamp: FloatNode): boolean {
  const between = clamp.inputs[0]!;
  const producer = editor.producer(between);
  if (!producer || !CLAMPING.includes(producer.op) || editor.soleConsumer(between) !== clamp) return false;
  const { quantization } = editor.tensor(between);
  if (quantization && !sameQuantization(quantization, editor.tensor(clamp.outputs[0]!).quantization)) return false;
  const outer = clamp.attributes as unknown as FusedActivation;
  const inner = (producer.op === 'clamp' ? producer.attributes : producer.attributes['activation']) as FusedActivation | null | undefined;
  const bounds = { min: clampTo(inner?.min ?? Number.NEGATIVE_INFINITY, outer), max: clampTo(inner?.max ?? Number.POSITIVE_INFINITY, outer) };
  const attributes = producer.op === 'clamp' ? bounds : { ...producer.attributes, activation: bounds };
  editor.add({ op: producer.op, inputs: producer.inputs, attributes, origin: producer.origin, output: clamp.outputs[0]! });
  editor.remove(producer);
  return true;
}

function clampTo(value: number, { min, max }: FusedActivation): number {
  return Math.min(max, Math.max(min, value));
}
