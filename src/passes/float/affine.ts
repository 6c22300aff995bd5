/** Nodes that compute x·scale + shift with one pair a channel of the last axis. */
import type { FloatNode, FusedActivation, TensorId } from '../../graph/float.js';
import { perChannelValues } from './constants.js';
import type { GraphEditor } from './editor.js';
import { sameShape } from './permutations.js';

export interface Affine {
  readonly x: TensorId;
  /** Undefined = 1. */
  readonly scale?: Float64Array;
  /** Undefined = 0. */
  readonly shift?: Float64Array;
  readonly activation: FusedActivation | null;
}

/** What a node computes, where it is of this form and keeps the shape of its input. */
export function affineOf(editor: GraphEditor, node: FloatNode): Affine | undefined {
  const activation = (node.attributes['activation'] as FusedActivation | null | undefined) ?? null;
  if (node.op === 'batch-norm') {
    const [x, scale, shift] = node.inputs as [TensorId, TensorId, TensorId];
    const [s, h] = [editor.tensor(scale).data, editor.tensor(shift).data];
    return s && h && !editor.isConstant(x) ? { x, scale: Float64Array.from(s), shift: Float64Array.from(h), activation } : undefined;
  }
  const side = node.inputs.findIndex((id) => editor.isConstant(id));
  const x = node.inputs[1 - side];
  if (node.inputs.length !== 2 || side < 0 || x === undefined || editor.isConstant(x)) return undefined;
  const shape = editor.shape(x);
  const constant = editor.tensor(node.inputs[side]!);
  const values = constant.quantization ? undefined : perChannelValues(constant, shape);
  if (!values || !sameShape(shape, editor.shape(node.outputs[0]!))) return undefined;
  const form = linearForm(node.op, values, side === 0);
  return form && { x, ...form, activation };
}

function linearForm(op: string, values: Float32Array, constantFirst: boolean): Pick<Affine, 'scale' | 'shift'> | undefined {
  const c = Float64Array.from(values);
  switch (op) {
    case 'add': return { shift: c };
    case 'mul': return { scale: c };
    case 'sub': return constantFirst ? { scale: c.map(() => -1), shift: c } : { shift: c.map((v) => -v) };
    case 'div': return constantFirst || c.includes(0) ? undefined : { scale: c.map((v) => 1 / v) };
    default: return undefined;
  }
}

/** First `first`, then `second`. */
export function joined(first: Affine, second: Affine): Affine {
  const { scale: s1, shift: h1, x } = first;
  const { scale: s2, shift: h2, activation } = second;
  const scale = s1 && s2 ? s1.map((v, c) => v * s2[c]!) : (s1 ?? s2);
  const moved = h1 && s2 ? h1.map((v, c) => v * s2[c]!) : h1;
  const shift = moved && h2 ? moved.map((v, c) => v + h2[c]!) : (moved ?? h2);
  return { x, activation, ...(scale && { scale }), ...(shift && { shift }) };
}
