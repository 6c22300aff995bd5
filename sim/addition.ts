/** add and sub: TFLite's sequence, or one sum at a common power of two. */
import { binaryKernel } from './binary.js';
import { doublingHigh, divideHalfAway, tfliteSingle } from './fast/products.js';
import type { SimKernel } from './kernel.js';
import { integer, integers } from './nodes.js';

export function additionKernel(sign: 1 | -1): SimKernel {
  return (node, graph) => {
    const [ma, mb] = integers(node, 'inputMultipliers') as readonly [number, number];
    if (node.attributes['variant'] === 'dyadic') {
      const offset = integer(node, 'offset');
      return binaryKernel(node, graph, (a, b) => (Math.imul(a, ma) + Math.imul(b, mb) + offset) | 0);
    }
    const [za, zb] = integers(node, 'inputZeroPoints') as readonly [number, number];
    const [sa, sb] = integers(node, 'inputShifts') as readonly [number, number];
    // scalar/add.ts: tfliteAddTerm and tfliteAddTermSingle, without a bigint
    const term = node.requantize?.mode === 'tfliteSingle'
      ? (x: number, zero: number, multiplier: number, shift: number) => tfliteSingle((x - zero) << 20, multiplier, shift)
      : (x: number, zero: number, multiplier: number, shift: number) => divideHalfAway(doublingHigh((x - zero) << 20, multiplier), -shift);
    return binaryKernel(node, graph, (a, b) => (term(a, za, ma, sa) + sign * term(b, zb, mb, sb)) | 0);
  };
}
