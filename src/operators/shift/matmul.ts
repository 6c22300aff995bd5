/** matmul without multiplication: bytes by triangular numbers (triangles.ts), wider codes by shifted sums. */
import type { IntegerNode, IntegerTensor } from '../../graph/integer.js';
import type { Kernel, KernelArgument, KernelContext, KernelInstance } from '../kernel.js';
import { isMultiplicationFreeRequantize } from './free.js';
import { byteBias, TRIANGLES, TRIANGLES_CENTRE, triangle } from './triangles.js';

/** What the portable kernel's view says of the operands, and of how they are walked. */
interface PortableView {
  readonly depth: number;
  readonly columns: number;
  readonly block: number;
  readonly lanes: readonly { readonly index: number; readonly sum: string }[];
  readonly columnStrideB: number;
}

interface Operands {
  readonly a: IntegerTensor;
  readonly b: IntegerTensor;
  readonly zeroPoints: readonly [number, number];
}

/** Sums that registers hold beside two pointers and a table; of 8 bits they hold one. */
function blockOf(columns: number, { separateFlash }: KernelContext['features']): number {
  return Math.min(columns, separateFlash ? 1 : 4);
}

function narrowInstance(portable: KernelInstance, { a, b, zeroPoints }: Operands, features: KernelContext['features']): KernelInstance {
  const view = portable.view as PortableView;
  const [biasA, biasB] = [byteBias(a.type), byteBias(b.type)];
  const [zeroA, zeroB] = zeroPoints;
  const centre = TRIANGLES_CENTRE - biasA - biasB;
  const block = blockOf(view.columns, features);
  const lanes = Array.from({ length: block }, (_, index) => ({
    index,
    sum: `sum${index}`,
    accumulator: `(int32_t)sum${index}`,
    offset: index * view.columnStrideB,
  }));
  const blocks = Math.ceil(view.columns / block);
  // What lies between the first columns of the last two blocks, where that is no whole block.
  const between = view.columns - (blocks - 1) * block;
  const tail = between === block ? null : { columns: between, strideB: between * view.columnStrideB };
  const columnStart = (view.depth * triangle(zeroA - biasA + zeroB - biasB)) % 2 ** 32;
  const [first, second, output, ...rest] = portable.arguments as readonly [KernelArgument, KernelArgument, KernelArgument, ...KernelArgument[]];
  return {
    ...portable,
    family: 'shift',
    template: 'shift/matmul',
    stem: `${portable.stem}_shift`,
    view: { ...view, block, lanes, blocks, tail, centre, rowCentre: zeroB + centre, columnCentre: zeroA + centre, columnStart, blockStrideB: block * view.columnStrideB },
    arguments: [first, second, output, { kind: 'constant', name: 'triangles', data: TRIANGLES }, ...rest, { kind: 'scratch' }],
    scratchBytes: 4 * view.columns,
  };
}

function wideInstance(portable: KernelInstance): KernelInstance {
  return { ...portable, family: 'shift', template: 'shift/matmul-wide', stem: `${portable.stem}_shift`, scalars: ['productByBits', ...portable.scalars] };
}

export function shiftMatmul(portable: Kernel, read: (node: IntegerNode, graph: KernelContext['graph']) => Operands): Kernel {
  return {
    family: 'shift',
    when: ({ group }) => isMultiplicationFreeRequantize(group[0]!),
    instantiate(context) {
      const operands = read(context.group[0]!, context.graph);
      const instance = portable.instantiate(context);
      const isNarrow = operands.a.type.bits <= 8 && operands.b.type.bits <= 8;
      return isNarrow ? narrowInstance(instance, operands, context.features) : wideInstance(instance);
    },
  };
}
