/** Softmax along one axis with exponentials by shifts and shares by subtraction (I-ViT's Shiftmax). */
import type { SimKernel } from '../kernel.js';
import { axisOf, count, integer, outputShape, tensorAt } from '../nodes.js';
import { shiftDistance, shiftExponential, shiftShare } from '../scalar/shift-exponential.js';

export const shiftmax: SimKernel = (node, graph) => {
  const shape = outputShape(node, graph);
  const axis = axisOf(node, shape.length);
  const [outer, depth, stride] = [count(shape.slice(0, axis)), shape[axis]!, count(shape.slice(axis + 1))];
  const [places, unit, bits, fraction, zeroPoint] = ['places', 'unit', 'exponentBits', 'fractionBits', 'outputZeroPoint'].map((name) => integer(node, name)) as [number, number, number, number, number];
  const type = tensorAt(graph, node.outputs[0]!).type;
  const low = type.signed ? -(2 ** (type.bits - 1)) : 0;
  const high = low + 2 ** type.bits - 1;
  const known = new Map<number, number>();
  const exponential = (distance: number): number => {
    const found = known.get(distance);
    if (found !== undefined) return found;
    const value = shiftExponential(shiftDistance(distance, places, (bits + 10) * unit), unit, bits);
    known.set(distance, value);
    return value;
  };
  const terms = new Int32Array(depth);
  return ([input], [output]) => {
    for (let o = 0; o < outer; o++) {
      for (let s = 0; s < stride; s++) {
        const first = o * depth * stride + s;
        let largest = input![first]!;
        for (let i = 1; i < depth; i++) largest = Math.max(largest, input![first + i * stride]!);
        let sum = 0;
        for (let i = 0; i < depth; i++) {
          terms[i] = exponential(largest - input![first + i * stride]!);
          sum += terms[i]!;
        }
        for (let i = 0; i < depth; i++) output![first + i * stride] = Math.min(high, Math.max(low, shiftShare(terms[i]!, sum, fraction) + zeroPoint));
      }
    }
  };
};
