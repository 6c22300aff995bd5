/**
 * Chains of transposes and reshapes that end in a transpose become one reshape, or one transpose between reshapes, where
 * that takes fewer transposes: [H, W, C] → [C, H, W] → [C, H·W] → [H·W, C] moves nothing at all.
 */
import type { FloatNode, TensorId } from '../../graph/float.js';
import { sameQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { factorChain } from './factors.js';
import { forEachNode, type FloatPass } from './pass.js';
import { isIdentity, permuted, type Permutation } from './permutations.js';

/** Only chains that move nothing; others may yet dissolve in the choice of an order of axes. */
export const cancelMoves: FloatPass = {
  name: 'cancel-moves',
  title: 'chains of transposes and reshapes that move nothing',
  run: (editor) => forEachNode(editor, ['transpose'], (node) => join(editor, node, isIdentity)),
};

export const joinMoves: FloatPass = {
  name: 'join-moves',
  title: 'chains of transposes and reshapes joined',
  run: (editor) => forEachNode(editor, ['transpose'], (node) => join(editor, node, () => true)),
};

function join(editor: GraphEditor, last: FloatNode, isWanted: (permutation: Permutation) => boolean): boolean {
  const chain = chainBefore(editor, last);
  if (chain.filter((node) => node.op === 'transpose').length < 2) return false;
  const source = chain[0]!.inputs[0]!;
  const joined = factorChain(editor.shape(source), chain.map((node) => step(editor, node)));
  if (!joined || !isWanted(joined.permutation)) return false;
  replace(editor, source, last, joined.shape, joined.permutation);
  return true;
}

/** Moves from a transpose to `last` that feed nothing but each other and mean the same codes throughout. */
function chainBefore(editor: GraphEditor, last: FloatNode): readonly FloatNode[] {
  const chain = [last];
  const { quantization } = editor.tensor(last.outputs[0]!);
  for (let id: TensorId = last.inputs[0]!; ; id = chain[0]!.inputs[0]!) {
    const node = editor.producer(id);
    const isMove = node?.op === 'transpose' || node?.op === 'reshape';
    if (!isMove || !editor.soleConsumer(id) || editor.isConstant(node.inputs[0]!) || !sameQuantization(editor.tensor(node.inputs[0]!).quantization, quantization)) break;
    chain.unshift(node);
  }
  const first = chain.findIndex((node) => node.op === 'transpose');
  return sameQuantization(editor.tensor(last.inputs[0]!).quantization, quantization) ? chain.slice(first) : [last];
}

function step(editor: GraphEditor, node: FloatNode): { readonly permutation: Permutation } | { readonly shape: readonly number[] } {
  return node.op === 'transpose' ? { permutation: node.attributes['permutation'] as Permutation } : { shape: editor.shape(node.outputs[0]!) };
}

function replace(editor: GraphEditor, source: TensorId, last: FloatNode, factors: readonly number[], permutation: Permutation): void {
  const { origin } = last;
  const output = last.outputs[0]!;
  const { quantization, shape } = editor.tensor(output);
  const common = { origin, ...(quantization && { quantization }) };
  let moved = source;
  if (!isIdentity(permutation)) {
    const split = editor.add({ op: 'reshape', inputs: [source], attributes: { shape: factors }, ...common });
    moved = editor.add({ op: 'transpose', inputs: [split], attributes: { permutation }, ...common });
    if (permuted(factors, permutation).join() !== editor.shape(moved).join()) throw new Error('factors and permutation disagree');
  }
  editor.add({ op: 'reshape', inputs: [moved], attributes: { shape }, origin, output });
  editor.sweep();
}
