/** Shapes and operands that every element-wise operator of two operands is tested with. */
import { broadcast } from './naive.js';
import type { CaseInput, OperatorCase } from './operator-cases.js';

const shapes: readonly (readonly [CaseInput, CaseInput])[] = [
  [{ shape: [4, 5, 3] }, { shape: [4, 5, 3], range: [-3, 0.5] }],
  [{ shape: [4, 5, 3], range: [0, 6] }, { shape: [3], range: [-0.1, 0.2], constant: true }],
  [{ shape: [1], constant: true, range: [0, 0.7] }, { shape: [17], range: [-8, 1] }],
  [{ shape: [2, 1, 3, 1], range: [-1, 40] }, { shape: [4, 1, 5] }],
  [{ shape: [6, 1] }, { shape: [6, 7], range: [-2, 2] }],
  [{ shape: [], range: [0, 1] }, { shape: [2, 3] }],
  [{ shape: [33], range: [-1e-3, 1e-3] }, { shape: [33], range: [-100, 100] }],
];

/** One case a pair of operands, with and without a fused clamp. */
export function elementwiseCases(op: string, f: (x: number, y: number) => number, extra: Pick<OperatorCase, 'arith'> = {}): OperatorCase[] {
  return shapes.flatMap((inputs, i) =>
    [null, { min: 0, max: 0.75 }].map((activation) => {
      const clamped = (v: number) => (activation ? Math.min(activation.max, Math.max(activation.min, v)) : v);
      return {
        name: `${op} ${i}${activation ? ' clamped' : ''} ${extra.arith ?? 'dyadic'}`,
        op,
        attributes: { activation },
        inputs,
        naive: broadcast(inputs[0].shape, inputs[1].shape, (x, y) => clamped(f(x, y))),
        ...extra,
      };
    }),
  );
}
