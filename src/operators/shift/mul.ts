/**
 * Products of two activations: bytes by a table of quarter squares, a·b = ⌊(a + b)²/4⌋ − ⌊(a − b)²/4⌋, exact since both sums
 * are even or both odd; wider codes by shifted sums.
 */
import { type BinaryView, binaryKernel, binaryTensors } from '../binary.js';
import { zeroPoints } from '../integer-checks.js';
import type { Kernel } from '../kernel.js';
import { requantizeScalars, signedTerm } from '../views.js';
import { isMultiplicationFreeRequantize } from './free.js';

/** Sum of two distances of 8-bit codes from their zero points, at most. */
const LARGEST_SUM = 510;

function quarterSquares(): Uint16Array {
  return Uint16Array.from({ length: LARGEST_SUM + 1 }, (_, sum) => Math.floor((sum * sum) / 4));
}

const plain = binaryKernel('mul', (node, view): { view: BinaryView; scalars: readonly string[]; variant: string } => {
  const terms = zeroPoints(node, 2).map((zero) => signedTerm(-zero));
  return { view: { ...view, aTerm: terms[0], bTerm: terms[1] } as BinaryView, scalars: requantizeScalars(node.requantize!, node.bounds), variant: '_shift' };
});

export const shiftMul: Kernel = {
  family: 'shift',
  when: ({ group }) => isMultiplicationFreeRequantize(group[0]!),
  instantiate(context) {
    const instance = plain.instantiate(context);
    const narrow = binaryTensors(context.group[0]!, context.graph).inputs.every((tensor) => tensor.type.bits <= 8);
    const table = narrow ? [{ kind: 'constant', name: 'squares', data: quarterSquares() } as const] : [];
    return {
      ...instance,
      family: 'shift',
      template: 'shift/mul',
      view: { ...instance.view, narrow },
      arguments: [...instance.arguments, ...table],
      scalars: [...(narrow ? [] : ['productByBits']), ...instance.scalars],
    };
  },
};
