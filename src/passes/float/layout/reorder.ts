/** Rewrites a graph so that every tensor lies in the order of axes chosen for its component. */
import type { FloatNode, GraphPort, TensorId } from '../../../graph/float.js';
import { permuteConstant, permuteQuantization, reshapeConstant } from '../constants.js';
import type { GraphEditor } from '../editor.js';
import { compose, identity, isIdentity, permuted, type Permutation } from '../permutations.js';
import { isAgnostic, isBinary, isMove, linkedOperands, permuteAttributes } from './agnostic.js';

export class Reordering {
  private readonly copies = new Map<string, TensorId>();

  /** `orders`: for every variable tensor; axis i of what is stored will be axis order[i] of what is stored now. */
  constructor(
    private readonly editor: GraphEditor,
    private readonly orders: ReadonlyMap<TensorId, Permutation>,
  ) {}

  apply(): void {
    const { editor } = this;
    // What each node is must be asked before shapes change.
    const plans = editor.list().map((node) => this.plan(node));
    for (const [id, order] of this.orders) {
      const { shape, quantization } = editor.tensor(id);
      if (!isIdentity(order)) editor.reshapeTensor(id, permuted(shape, order), quantization && permuteQuantization(quantization, order));
    }
    for (const carryOut of plans) carryOut();
    editor.setPorts(editor.inputs().map((port) => this.port(port)), editor.outputs().map((port) => this.port(port)));
  }

  private plan(node: FloatNode): () => void {
    const { editor } = this;
    const output = node.outputs[0]!;
    const order = this.orders.get(output)!;
    if (isMove(editor, node)) return () => this.move(node, order);
    if (!isAgnostic(editor, node)) return () => this.surround(node, order);
    const linked = linkedOperands(editor, node);
    const shapes = node.inputs.map((id) => editor.shape(id));
    return () => {
      const inputs = node.inputs.map((id, i) => (linked.includes(id) ? id : this.operand(node, id, shapes[i]!, i, order)));
      editor.update(node, { inputs, attributes: permuteAttributes(node, order) });
    };
  }

  /** A transpose between two orders becomes what is left of it. */
  private move(node: FloatNode, order: Permutation): void {
    const stored = this.orders.get(node.inputs[0]!)!;
    const wanted = compose(node.attributes['permutation'] as Permutation, order);
    this.editor.update(node, { attributes: { permutation: wanted.map((axis) => stored.indexOf(axis)) } });
  }

  /** A node with an order of its own: transposes where its neighbours have another one. */
  private surround(node: FloatNode, order: Permutation): void {
    const { editor } = this;
    const output = node.outputs[0]!;
    const inputs = node.inputs.map((id) => (editor.isConstant(id) ? id : this.copy(id, identity(editor.shape(id).length))));
    if (isIdentity(order)) {
      if (inputs.some((id, i) => id !== node.inputs[i])) editor.update(node, { inputs });
      return;
    }
    const { quantization, name } = editor.tensor(output);
    const stored = quantization && permuteQuantization(quantization, order.map((_, axis) => order.indexOf(axis)));
    const made = editor.add({ op: node.op, inputs, attributes: node.attributes, origin: node.origin, name, ...(stored && { quantization: stored }) });
    editor.add({ op: 'transpose', inputs: [made], attributes: { permutation: order }, origin: node.origin, output });
  }

  /** An operand that does not share the output's component: constants and broadcast values. `shape` is as before. */
  private operand(node: FloatNode, id: TensorId, shape: readonly number[], position: number, order: Permutation): TensorId {
    const { editor } = this;
    if (node.op === 'gather' && position === 1) return id;
    if (!isBinary(node)) return isIdentity(order) ? id : permuteConstant(editor, id, order);
    if (editor.isConstant(id)) return isIdentity(order) ? id : this.constantOperand(id, shape, order);
    if (shape.length === order.length) return this.copy(id, order);
    const plain = this.copy(id, identity(shape.length));
    if (isIdentity(order)) return plain;
    const aligned = [...new Array<number>(order.length - shape.length).fill(1), ...shape];
    const { origin, name } = editor.tensor(id);
    const reshaped = editor.add({ op: 'reshape', inputs: [plain], attributes: { shape: aligned }, origin, name });
    return editor.add({ op: 'transpose', inputs: [reshaped], attributes: { permutation: order }, origin, name });
  }

  /** Leading ones are added for the move and dropped again behind it. */
  private constantOperand(id: TensorId, shape: readonly number[], order: Permutation): TensorId {
    const { editor } = this;
    if (shape.every((size) => size === 1)) return id;
    const aligned = reshapeConstant(editor, id, [...new Array<number>(order.length - shape.length).fill(1), ...shape]);
    const moved = permuteConstant(editor, aligned ?? id, order);
    const after = editor.shape(moved);
    return reshapeConstant(editor, moved, after.slice(after.findIndex((size) => size !== 1))) ?? moved;
  }

  /** The tensor in another order (of the axes it had before), by a transpose that others may share. */
  private copy(id: TensorId, wanted: Permutation): TensorId {
    const stored = this.orders.get(id)!;
    const permutation = wanted.map((axis) => stored.indexOf(axis));
    if (isIdentity(permutation)) return id;
    const key = `${id} ${wanted.join()}`;
    const present = this.copies.get(key);
    if (present !== undefined) return present;
    const { origin, name, quantization } = this.editor.tensor(id);
    const copied = quantization && permuteQuantization(quantization, permutation);
    const made = this.editor.add({ op: 'transpose', inputs: [id], attributes: { permutation }, origin, name, ...(copied && { quantization: copied }) });
    this.copies.set(key, made);
    return made;
  }

  private port(port: GraphPort): GraphPort {
    const order = this.orders.get(port.tensor);
    if (!order || isIdentity(order)) return port;
    const permutation = compose(port.permutation ?? identity(order.length), order);
    return { ...port, permutation: isIdentity(permutation) ? null : permutation };
  }
}
