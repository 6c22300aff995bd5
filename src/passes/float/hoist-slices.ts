/**
 * A slice behind a node whose other results nobody reads moves before it, so that only those are computed that are read: behind
 * its last attention a classifier reads the row of the class token alone. Slices move over transposes and reshapes too, so
 * that those of queries, keys and values meet the dense layer that they cut.
 */
import { elementCount, type FloatNode, type TensorId } from '../../graph/float.js';
import { type Box, boxBeforeReshape, boxOf, isWhole, rearranged } from './box.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';

export const hoistSlices: FloatPass = {
  name: 'hoist-slices',
  title: 'slices moved before what computes more than they take',
  run(editor) {
    if (editor.quantized) return 0;
    let total = 0;
    for (;;) {
      const count = forEachNode(editor, Object.keys(RULES), (node) => hoist(editor, node));
      if (count === 0) return total;
      editor.sweep();
      total += count;
    }
  },
};

/** What an operand must be cut to for the node to give just `box`; null for the whole operand. */
type Cut = Box | null;

interface Rule {
  /** Copies of parts cost what a copy of the whole costs; what computes must save. */
  readonly moves?: boolean;
  /** Undefined where the box cannot be had from parts of the operands. */
  cuts(editor: GraphEditor, node: FloatNode, box: Box): readonly Cut[] | undefined;
}

const elementwise: Rule = { cuts: (editor, node, box) => node.inputs.map((id) => broadcastCut(box, editor.shape(id))) };

const RULES: Readonly<Record<string, Rule>> = {
  transpose: {
    moves: true,
    cuts(editor, node, box) {
      const permutation = node.attributes['permutation'] as readonly number[];
      return [rearranged(box, permutation.map((_, axis) => permutation.indexOf(axis)), editor.shape(node.inputs[0]!))];
    },
  },
  reshape: {
    moves: true,
    cuts(editor, node, box) {
      const before = boxBeforeReshape(box, editor.shape(node.inputs[0]!), editor.shape(node.outputs[0]!));
      return before ? [before] : undefined;
    },
  },
  unary: elementwise,
  clamp: elementwise,
  add: elementwise,
  sub: elementwise,
  mul: elementwise,
  div: elementwise,
  softmax: { cuts: (editor, node, box) => (isWhole(box, editor.shape(node.inputs[0]!), node.attributes['axis'] as number) ? [box] : undefined) },
  'layer-norm': {
    cuts(editor, node, box) {
      const shape = editor.shape(node.inputs[0]!);
      const isRow = shape.every((_, axis) => axis < (node.attributes['axis'] as number) || isWhole(box, shape, axis));
      return isRow ? [box, ...node.inputs.slice(1).map(() => null)] : undefined;
    },
  },
  dense: {
    cuts(editor, node, box) {
      const shape = editor.shape(node.inputs[0]!);
      const last = shape.length - 1;
      if (!isWhole(box, editor.shape(node.outputs[0]!), last)) return undefined;
      return [rearranged(box, shape.map((_, axis) => (axis === last ? -1 : axis)), shape), ...node.inputs.slice(1).map(() => null)];
    },
  },
  matmul: {
    cuts(editor, node, box) {
      const rank = box.sizes.length;
      const [a, b] = node.inputs.map((id) => editor.shape(id)) as [readonly number[], readonly number[]];
      return [productCut(box, a, rank - 2, node.attributes['transposeA'] === true ? 1 : 0), productCut(box, b, rank - 1, node.attributes['transposeB'] === true ? 0 : 1)];
    },
  },
};

/** Axes are aligned at the end; those of one element serve every index. */
function broadcastCut(box: Box, shape: readonly number[]): Cut {
  const extra = box.sizes.length - shape.length;
  return rearranged(box, shape.map((size, axis) => (size === 1 ? -1 : axis + extra)), shape);
}

/** Of the last two axes of an operand, the one at `place` is axis `own` of the product, the other is summed over. */
function productCut(box: Box, shape: readonly number[], own: number, place: number): Cut {
  const [extra, leading] = [box.sizes.length - shape.length, shape.length - 2];
  return rearranged(box, shape.map((size, axis) => (axis < leading ? (size === 1 ? -1 : axis + extra) : axis - leading === place ? own : -1)), shape);
}

function hoist(editor: GraphEditor, node: FloatNode): boolean {
  const output = node.outputs[0]!;
  const rule = RULES[node.op]!;
  const slices = distinctSlices(editor, output);
  if (slices.length === 0 || editor.isOutput(output) || editor.consumers(output).length > slices.length) return false;
  const taken = slices.reduce((sum, slice) => sum + elementCount(boxOf(slice).sizes), 0);
  const whole = elementCount(editor.shape(output));
  if (rule.moves ? taken > whole || !movesResults(editor, node) : slices.length > 1 || 2 * taken > whole) return false;
  const cuts = slices.map((slice) => rule.cuts(editor, node, boxOf(slice)));
  if (cuts.some((cut) => cut === undefined || !cut.every((part, i) => fits(editor, node.inputs[i]!, part)))) return false;
  slices.forEach((slice, i) => replace(editor, node, slice, cuts[i]!));
  return true;
}

/** True where what is moved was computed by a node that a slice can move before, or that can be cut itself. */
function movesResults(editor: GraphEditor, node: FloatNode): boolean {
  const source = editor.producer(node.inputs[0]!);
  const rule = source && RULES[source.op];
  return rule !== undefined && (!rule.moves || movesResults(editor, source!));
}

/** The slices of a tensor, after those that take the same have become one. */
function distinctSlices(editor: GraphEditor, id: TensorId): readonly FloatNode[] {
  const byBox = new Map<string, FloatNode>();
  for (const slice of editor.consumers(id).filter(({ op }) => op === 'slice')) {
    const box = JSON.stringify(boxOf(slice));
    const same = byBox.get(box);
    if (!same) byBox.set(box, slice);
    else if (editor.redirect(slice.outputs[0]!, same.outputs[0]!)) editor.remove(slice);
  }
  return editor.consumers(id).filter(({ op }) => op === 'slice');
}

/** Constants stay as they are. */
function fits(editor: GraphEditor, id: TensorId, cut: Cut): boolean {
  return !editor.isConstant(id) || !cuts(editor, id, cut);
}

function cuts(editor: GraphEditor, id: TensorId, cut: Cut): cut is Box {
  const shape = editor.shape(id);
  return cut !== null && shape.some((_, axis) => !isWhole(cut, shape, axis));
}

function replace(editor: GraphEditor, node: FloatNode, slice: FloatNode, parts: readonly Cut[]): void {
  const inputs = node.inputs.map((id, i) => {
    const cut = parts[i]!;
    return cuts(editor, id, cut) ? editor.add({ op: 'slice', inputs: [id], attributes: { ...cut }, origin: slice.origin }) : id;
  });
  const attributes = node.op === 'reshape' ? { shape: boxOf(slice).sizes } : node.attributes;
  editor.add({ op: node.op, inputs, attributes, origin: node.origin, output: slice.outputs[0]! });
}
