/** Writes the nodes that compute on codes in place of those that compute on real values. */
import type { Attributes, FloatGraph, FloatNode, FloatTensor, TensorId } from '../graph/float.js';

/** From here on float32 leaves integers out. */
export const EXACT_INTEGERS = 2 ** 24;

/** Collects the rewritten graph. New tensors and nodes are called `<node>:<part>`. */
export class CodeWriter {
  readonly tensors: Map<TensorId, FloatTensor>;
  readonly nodes: FloatNode[] = [];
  readonly codes = new Set<TensorId>();

  constructor(readonly graph: FloatGraph) {
    this.tensors = new Map(graph.tensors);
  }

  /** A tensor of the shape and origin of `like`. */
  tensor(node: FloatNode, part: string, like: TensorId): TensorId {
    const { shape, origin } = this.tensors.get(like)!;
    return this.add(node, part, { shape, origin });
  }

  /** One operator; its output has the shape of `like`, the node's own unless given. */
  step(node: FloatNode, part: string, op: string, inputs: readonly TensorId[], like: TensorId = node.outputs[0]!, attributes: Attributes = { activation: null }): TensorId {
    const output = this.tensor(node, part, like);
    this.nodes.push({ id: output, op, inputs, outputs: [output], attributes, origin: node.origin });
    return output;
  }

  /** Mean, sum or maximum over some axes, which become 1. */
  reduced(node: FloatNode, name: 'mean' | 'sum' | 'max', input: TensorId, axes: readonly number[]): TensorId {
    const { shape, origin } = this.tensors.get(input)!;
    const output = this.add(node, name, { shape: shape.map((d, i) => (axes.includes(i) ? 1 : d)), origin });
    const attributes = { function: name, axes, keepDims: true };
    this.nodes.push({ id: output, op: 'reduce', inputs: [input], outputs: [output], attributes, origin: node.origin });
    return output;
  }

  /** The same elements in another shape. */
  reshaped(node: FloatNode, part: string, input: TensorId, shape: readonly number[]): TensorId {
    const output = this.add(node, part, { shape, origin: node.origin });
    this.nodes.push({ id: output, op: 'reshape', inputs: [input], outputs: [output], attributes: { shape }, origin: node.origin });
    return output;
  }

  constant(node: FloatNode, part: string, shape: readonly number[], values: Iterable<number>): TensorId {
    return this.add(node, part, { shape, origin: node.origin, data: Float32Array.from(values) });
  }

  /** `input` times one factor, or one a channel. */
  scaled(node: FloatNode, input: TensorId, factors: readonly number[], output: TensorId, attributes: Attributes = { activation: null }): TensorId {
    const operand = this.constant(node, `factors of ${output}`, [factors.length], factors);
    this.nodes.push({ id: `${output} scaled`, op: 'mul', inputs: [input, operand], outputs: [output], attributes, origin: node.origin });
    return output;
  }

  /** The codes of a planned activation, less its zero point. */
  codesOf(node: FloatNode, part: string, input: TensorId, scale: number): TensorId {
    return this.integers(this.scaled(node, input, [1 / scale], this.tensor(node, part, input)));
  }

  integers(id: TensorId): TensorId {
    this.codes.add(id);
    return id;
  }

  private add(node: FloatNode, part: string, rest: Pick<FloatTensor, 'shape' | 'origin' | 'data'>): TensorId {
    const id = `${node.id}:${part}`;
    this.tensors.set(id, { id, name: id, type: 'float32', ...rest });
    return id;
  }
}
