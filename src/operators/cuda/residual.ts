/** The addition behind a product, computed in the product's epilogue by the text that add itself has. */
import { type IntegerTensor, integerTensor, type TensorId } from '../../graph/integer.js';
import { additionSide } from '../addition.js';
import type { KernelContext } from '../kernel.js';
import { cType } from '../views.js';

export interface Residual {
  /** The operand that the product does not compute. */
  readonly other: TensorId;
  readonly output: IntegerTensor;
  /** An addition's view of single elements, and how the template calls it. */
  readonly view: object;
  readonly scalars: readonly string[];
}

const [portable] = additionSide('add').kernels.filter(({ family }) => family === 'portable');

/** Null where the second node adds no other activation of the same shape. */
export function residualOf(context: KernelContext): Residual | null {
  const { graph, group } = context;
  const [node, sum] = group;
  if (!node || sum?.op !== 'add') return null;
  const own = sum.inputs.indexOf(node.outputs[0]!);
  const tensors = [...sum.inputs, ...sum.outputs].map((id) => integerTensor(graph, id)) as [IntegerTensor, IntegerTensor, IntegerTensor];
  const [product, other, output] = [tensors[own], tensors[1 - own], tensors[2]];
  if (!product || !other || other.constant || other.id === product.id) return null;
  if (new Set(tensors.map(({ shape }) => shape.join())).size > 1 || tensors.some(({ type }) => type.packed)) return null;
  const instance = portable!.instantiate({ ...context, group: [sum] });
  const operands = ['&own', `other + row * ${product.shape.at(-1)} + channel`];
  return {
    other: other.id,
    output,
    view: {
      ...instance.view,
      nest: { loops: [], closings: [], indent: '    ', offsets: ['0', '0'] },
      ownType: cType(product.type),
      otherType: cType(other.type),
      operands: (own === 0 ? operands : operands.reverse()).join(', '),
    },
    scalars: instance.scalars,
  };
}
