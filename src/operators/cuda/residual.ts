/** The addition behind a product, computed in the product's epilogue by the text that add itself has. */
import { type IntegerNode, type IntegerTensor, integerTensor, type TensorId } from '../../graph/integer.js';
import { additionSide, foldedRounding } from '../addition.js';
import { integersAttribute } from '../attributes.js';
import type { KernelContext } from '../kernel.js';
import { cType } from '../views.js';
import type { LaunchValues } from './values.js';

export interface Residual {
  /** The operand that the product does not compute. */
  readonly other: TensorId;
  readonly output: IntegerTensor;
  /** Both operands and the sum are codes of a byte. */
  readonly isBytes: boolean;
  /** An addition's view of single elements, and how the template calls it. */
  view(values: LaunchValues): object;
  readonly scalars: readonly string[];
}

const [portable] = additionSide('add').kernels.filter(({ family }) => family === 'portable');

/** The literals of an addition in one rounding; TFLite's sequence keeps its own. */
function additionValues(sum: IntegerNode, values: LaunchValues): object {
  if (sum.attributes['variant'] !== 'dyadic') return {};
  const { requantize, offset } = foldedRounding(sum);
  const multipliers = integersAttribute(sum, 'inputMultipliers', 2);
  return {
    multipliers: ['first', 'second'].map((which, i) => values.text(`${which}_multiplier`, multipliers[i]!)),
    offsetTerm: values.term('sum_offset', offset),
    requantize: values.requantize(requantize, undefined, 'sum_'),
  };
}

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
  const inOrder = (texts: readonly string[]): string => (own === 0 ? texts : texts.toReversed()).join(', ');
  return {
    other: other.id,
    output,
    isBytes: [product, other, output].every(({ type }) => type.bits <= 8),
    view: (values) => ({
      ...instance.view,
      ...additionValues(sum, values),
      nest: { loops: [], closings: [], indent: '    ', offsets: ['0', '0'] },
      ownType: cType(product.type),
      otherType: cType(other.type),
      operands: inOrder(['&own', `other + row * ${product.shape.at(-1)} + channel`]),
      runOperands: inOrder(['&own', '&another']),
    }),
    scalars: instance.scalars,
  };
}
