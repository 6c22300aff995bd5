/** Operators that work in any order of axes, as long as their attributes follow it. */
import type { Attributes, FloatNode, TensorId } from '../../../graph/float.js';
import { sameQuantization } from '../constants.js';
import type { GraphEditor } from '../editor.js';
import { inverse, permuted, sameShape, type Permutation } from '../permutations.js';

const BINARY = ['add', 'sub', 'mul', 'div'];
const ELEMENTWISE = ['clamp', 'unary', 'pad', 'slice', 'softmax'];

export function isBinary(node: FloatNode): boolean {
  return BINARY.includes(node.op);
}

export function isAgnostic(editor: GraphEditor, node: FloatNode): boolean {
  if (isBinary(node) || ELEMENTWISE.includes(node.op) || node.op === 'concat') return true;
  if (node.op === 'reduce') return node.attributes['keepDims'] === true;
  return node.op === 'gather' && !editor.isConstant(node.inputs[0]!) && editor.isConstant(node.inputs[1]!) && editor.shape(node.inputs[1]!).length === 1;
}

/** A transpose that only moves elements (the same scale before and behind): an edge between two orders of axes. */
export function isMove(editor: GraphEditor, node: FloatNode): boolean {
  if (node.op !== 'transpose' || editor.isConstant(node.inputs[0]!)) return false;
  return sameQuantization(editor.tensor(node.inputs[0]!).quantization, editor.tensor(node.outputs[0]!).quantization);
}

/** Variable operands that must lie in the order of the output; a smaller (broadcast) operand may be moved on its own. */
export function linkedOperands(editor: GraphEditor, node: FloatNode): readonly TensorId[] {
  const shape = editor.shape(node.outputs[0]!);
  if (isBinary(node)) return node.inputs.filter((id) => !editor.isConstant(id) && sameShape(editor.shape(id), shape));
  return (node.op === 'concat' ? node.inputs : node.inputs.slice(0, 1)).filter((id) => !editor.isConstant(id));
}

/** The attributes of an agnostic node when axis i of its output is what was axis permutation[i]. */
export function permuteAttributes(node: FloatNode, permutation: Permutation): Attributes {
  const { attributes } = node;
  const moved = inverse(permutation);
  const axis = (value: unknown): number => moved[(value as number) < 0 ? (value as number) + permutation.length : (value as number)]!;
  const list = (name: string): readonly number[] => permuted(attributes[name] as readonly number[], permutation);
  switch (node.op) {
    case 'concat':
    case 'softmax':
    case 'gather':
      return { ...attributes, axis: axis(attributes['axis']) };
    case 'reduce':
      return { ...attributes, axes: (attributes['axes'] as readonly number[]).map(axis).sort((a, b) => a - b) };
    case 'slice':
      return { ...attributes, starts: list('starts'), sizes: list('sizes'), steps: list('steps') };
    case 'pad':
      return { ...attributes, amounts: permuted(attributes['amounts'] as readonly (readonly number[])[], permutation) };
    default:
      return attributes;
  }
}
