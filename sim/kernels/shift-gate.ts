/** x·sigmoid(c·x) element by element, the sigmoid from one exponential by shifts (I-ViT's ShiftGELU made pointwise). */
import type { SimKernel } from '../kernel.js';
import { integer } from '../nodes.js';
import { requantizer } from '../requantize.js';
import { shiftDistance, shiftExponential, shiftShare } from '../scalar/shift-exponential.js';

export const shiftGate: SimKernel = (node) => {
  const [zeroPoint, places, unit, bits, fraction] = ['inputZeroPoint', 'places', 'unit', 'exponentBits', 'fractionBits'].map((name) => integer(node, name)) as [number, number, number, number, number];
  if (!node.requantize) throw new RangeError(`node '${node.id}' has no requantization`);
  const finish = requantizer(node.requantize);
  const one = unit * 2 ** bits;
  const product = (x: number): number => {
    const exponential = shiftExponential(shiftDistance(Math.abs(x), places, (bits + 10) * unit), unit, bits);
    return x * shiftShare(x >= 0 ? one : exponential, one + exponential, fraction);
  };
  const known = new Map<number, number>();
  return ([input], [output], accumulators) => {
    for (let i = 0; i < input!.length; i++) {
      const x = input![i]! - zeroPoint;
      let accumulator = known.get(x);
      if (accumulator === undefined) known.set(x, (accumulator = product(x)));
      if (accumulators) accumulators[i] = accumulator;
      output![i] = finish(accumulator, 0);
    }
  };
};
