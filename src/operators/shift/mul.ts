/** Products of two activations by a table of quarter squares: a·b = ⌊(a + b)²/4⌋ − ⌊(a − b)²/4⌋, exact since both sums are even or both odd. */
import { type BinaryView, binaryKernel, binaryTensors } from '../binary.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { requantizeScalars, signedTerm } from '../views.js';

/** Sum of two distances of 8-bit codes from their zero points, at most. */
const LARGEST_SUM = 510;

function quarterSquares(): Uint16Array {
  return Uint16Array.from({ length: LARGEST_SUM + 1 }, (_, sum) => Math.floor((sum * sum) / 4));
}

const looked = binaryKernel('mul', (node, view): { view: BinaryView; scalars: readonly string[]; variant: string } => {
  const terms = zeroPoints(node, 2).map((zero) => signedTerm(-zero));
  return { view: { ...view, aTerm: terms[0], bTerm: terms[1] } as BinaryView, scalars: requantizeScalars(node.requantize!), variant: '_shift' };
});

export const shiftMul: Kernel = {
  family: 'shift',
  when({ graph, group }) {
    const node = group[0]!;
    const isNarrow = binaryTensors(node, graph).inputs.every((tensor) => tensor.type.bits <= 8);
    return isNarrow && (node.requantize?.mode === 'shift' || node.requantize?.mode === 'csd');
  },
  instantiate(context) {
    const instance = looked.instantiate(context);
    return { ...instance, family: 'shift', template: 'shift/mul', arguments: [...instance.arguments, { kind: 'constant', name: 'squares', data: quarterSquares() }] };
  },
};
