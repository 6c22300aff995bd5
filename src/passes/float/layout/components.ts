/** Tensors that must share one order of axes, and what it costs to bring values from one order into another. */
import { elementCount, type FloatNode, type TensorId } from '../../../graph/float.js';
import type { GraphEditor } from '../editor.js';
import { isFoldableFlatten, isFoldableUnflatten } from '../fold-flatten.js';
import { identity, type Permutation } from '../permutations.js';
import { isAgnostic, isBinary, isMove, linkedOperands } from './agnostic.js';

/** Number of a set of tensors joined by agnostic nodes. */
export type Component = number;

/**
 * A value of `shape` (axes as in the file) that lies in the order of `stored` and is wanted in the order of `wanted`
 * behind the permutation `through`; null stands for the file's own order.
 */
export interface Demand {
  /** Equal keys wanted in equal orders need one transpose together. */
  readonly key: string;
  readonly shape: readonly number[];
  readonly stored: Component | null;
  readonly through: Permutation;
  readonly wanted: Component | null;
}

export interface Components {
  readonly of: ReadonlyMap<TensorId, Component>;
  readonly ranks: readonly number[];
  readonly demands: readonly Demand[];
}

export function findComponents(editor: GraphEditor): Components {
  const nodes = editor.list();
  const of = numbered(editor, nodes);
  const ranks: number[] = [];
  for (const [id, component] of of) ranks[component] = editor.shape(id).length;
  return { of, ranks, demands: nodes.flatMap((node) => demandsOf(editor, node, of)) };
}

function numbered(editor: GraphEditor, nodes: readonly FloatNode[]): Map<TensorId, Component> {
  const parent = new Map<TensorId, TensorId>();
  const find = (id: TensorId): TensorId => {
    let root = id;
    while (parent.has(root)) root = parent.get(root)!;
    if (root !== id) parent.set(id, root);
    return root;
  };
  for (const node of nodes) {
    if (!isAgnostic(editor, node)) continue;
    for (const id of linkedOperands(editor, node)) {
      const [a, b] = [find(id), find(node.outputs[0]!)];
      if (a !== b) parent.set(a, b);
    }
  }
  const numbers = new Map<TensorId, Component>();
  const of = new Map<TensorId, Component>();
  for (const id of editor.tensorIds()) {
    if (editor.isConstant(id)) continue;
    const root = find(id);
    if (!numbers.has(root)) numbers.set(root, numbers.size);
    of.set(id, numbers.get(root)!);
  }
  return of;
}

function demandsOf(editor: GraphEditor, node: FloatNode, of: ReadonlyMap<TensorId, Component>): readonly Demand[] {
  const output = node.outputs[0]!;
  const wanted = of.get(output)!;
  if (isMove(editor, node)) return [demand(editor, node.inputs[0]!, of, node.attributes['permutation'] as Permutation, wanted)];
  if (isAgnostic(editor, node)) return isBinary(node) ? node.inputs.flatMap((id) => operandDemands(editor, node, id, of)) : [];
  const inputs = node.inputs.filter((id) => !editor.isConstant(id) && !isFoldableFlatten(editor, node));
  const demands = inputs.map((id) => demand(editor, id, of, identity(editor.shape(id).length), null));
  if (isFoldableUnflatten(editor, node)) return demands;
  const shape = editor.shape(output);
  return [...demands, { key: `made ${output}`, shape, stored: null, through: identity(shape.length), wanted }];
}

/** An operand that is broadcast moves by itself; with fewer axes than the result it gets leading ones first. */
function operandDemands(editor: GraphEditor, node: FloatNode, id: TensorId, of: ReadonlyMap<TensorId, Component>): readonly Demand[] {
  if (editor.isConstant(id) || linkedOperands(editor, node).includes(id)) return [];
  const shape = editor.shape(id);
  const rank = editor.shape(node.outputs[0]!).length;
  const wanted = of.get(node.outputs[0]!)!;
  if (shape.length === rank) return [demand(editor, id, of, identity(rank), wanted)];
  const aligned = [...new Array<number>(rank - shape.length).fill(1), ...shape];
  return [
    demand(editor, id, of, identity(shape.length), null),
    { key: `aligned ${id}`, shape: aligned, stored: null, through: identity(rank), wanted },
  ];
}

function demand(editor: GraphEditor, id: TensorId, of: ReadonlyMap<TensorId, Component>, through: Permutation, wanted: Component | null): Demand {
  return { key: id, shape: editor.shape(id), stored: of.get(id)!, through, wanted };
}

export function demandSize({ shape }: Demand): number {
  return elementCount(shape);
}
