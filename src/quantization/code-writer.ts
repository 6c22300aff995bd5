/** Writes the nodes that compute on codes in place of those that compute on real values. */
import { tensorOf, type Attributes, type FloatGraph, type FloatNode, type FloatTensor, type TensorId } from '../graph/float.js';

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
    const { shape, origin } = tensorOf(this.graph, like);
    return this.add(node, part, { shape, origin });
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
