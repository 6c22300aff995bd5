/** What changes nothing goes away: identities, pairs that cancel, repeated work, dead nodes. */
import type { FloatNode } from '../../graph/float.js';
import { sameQuantization } from './constants.js';
import type { GraphEditor } from './editor.js';
import { forEachNode, type FloatPass } from './pass.js';
import { compose, isIdentity, sameShape } from './permutations.js';

export const clean: FloatPass = {
  name: 'clean',
  title: 'nodes without effect removed or joined',
  run(editor) {
    const transposes = forEachNode(editor, ['transpose'], (node) => joinTransposes(editor, node));
    const reshapes = forEachNode(editor, ['reshape'], (node) => joinReshapes(editor, node));
    const identities = editor.list().filter((node) => editor.has(node) && isIdentityNode(editor, node) && bypass(editor, node)).length;
    return transposes + reshapes + identities + removeRepeated(editor) + editor.sweep();
  },
};

/** The node's input takes the place of its output. */
function bypass(editor: GraphEditor, node: FloatNode): boolean {
  const [from, to] = [node.outputs[0]!, node.inputs[0]!];
  if (!sameQuantization(editor.tensor(from).quantization, editor.tensor(to).quantization)) return false;
  if (!editor.redirect(from, to)) return false;
  editor.remove(node);
  return true;
}

function isIdentityNode(editor: GraphEditor, node: FloatNode): boolean {
  const [before, after] = [editor.shape(node.inputs[0]!), editor.shape(node.outputs[0]!)];
  switch (node.op) {
    case 'reshape':
    case 'pad':
      return sameShape(before, after);
    case 'transpose':
      return isIdentity(node.attributes['permutation'] as readonly number[]);
    case 'slice':
      return sameShape(before, after) && (node.attributes['steps'] as readonly number[]).every((step) => step === 1);
    case 'clamp':
      return node.attributes['min'] === Number.NEGATIVE_INFINITY && node.attributes['max'] === Number.POSITIVE_INFINITY;
    case 'concat':
      return node.inputs.length === 1;
    default:
      return false;
  }
}

/** The producer of the node's input, where it is of the same kind and its output means the same codes as its own input. */
function joinable(editor: GraphEditor, node: FloatNode): FloatNode | undefined {
  const before = editor.producer(node.inputs[0]!, node.op);
  const isSame = before && sameQuantization(editor.tensor(before.inputs[0]!).quantization, editor.tensor(before.outputs[0]!).quantization);
  return isSame ? before : undefined;
}

function joinTransposes(editor: GraphEditor, node: FloatNode): boolean {
  const before = joinable(editor, node);
  if (!before) return false;
  const permutation = compose(before.attributes['permutation'] as readonly number[], node.attributes['permutation'] as readonly number[]);
  editor.update(node, { inputs: before.inputs, attributes: { permutation } });
  return true;
}

function joinReshapes(editor: GraphEditor, node: FloatNode): boolean {
  const before = joinable(editor, node);
  if (before) editor.update(node, { inputs: before.inputs });
  return before !== undefined;
}

/** Of nodes that compute the same from the same, one stays. */
function removeRepeated(editor: GraphEditor): number {
  const seen = new Map<string, FloatNode>();
  let removed = 0;
  for (const node of editor.list()) {
    const key = JSON.stringify([node.op, node.inputs, attributesKey(node)]);
    const first = seen.get(key);
    if (!first) seen.set(key, node);
    else if (sameOutputs(editor, first, node) && !editor.isOutput(node.outputs[0]!) && editor.redirect(node.outputs[0]!, first.outputs[0]!)) {
      editor.remove(node);
      removed++;
    }
  }
  return removed;
}

/** JSON has no infinities, which open ends of clamps are. */
function attributesKey({ attributes }: FloatNode): string {
  return JSON.stringify(attributes, (_, value: unknown) => (typeof value === 'number' ? String(value) : value));
}

function sameOutputs(editor: GraphEditor, a: FloatNode, b: FloatNode): boolean {
  return sameQuantization(editor.tensor(a.outputs[0]!).quantization, editor.tensor(b.outputs[0]!).quantization);
}
