/** TFLite's softmax with its exponentials as a table: they depend on nothing but the distance from the largest code. */
import { tfliteSoftmaxExp, tfliteSoftmaxExpSingle } from '../../../sim/scalar/softmax.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import type { Kernel, KernelInstance } from '../kernel.js';

/** Sums below 2^28, so that every share is a shift by at most 31 places. */
export const MOST_SUM = 2 ** 28;

/** Of every distance that leaves more than nothing, and one zero for all others. */
export function exponentialTable(node: IntegerNode): Int32Array {
  const [multiplier, shift, diffMin] = ['multiplier', 'shift', 'diffMin'].map((name) => integerAttribute(node, name)) as [number, number, number];
  const exponential = node.attributes['rounding'] === 'single' ? tfliteSoftmaxExpSingle : tfliteSoftmaxExp;
  return Int32Array.from({ length: Math.min(256, 2 - diffMin) }, (_, below) => (below <= -diffMin ? exponential(-below, multiplier, shift) : 0));
}

export function dspSoftmax(portable: (node: IntegerNode, graph: IntegerGraph) => KernelInstance): Kernel {
  return {
    family: 'dsp',
    when({ features, group: [node] }) {
      const most = node!.bounds?.accumulator[0]?.[1] ?? Infinity;
      return features.dsp && node!.attributes['variant'] === 'tflite' && most < MOST_SUM;
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const table = exponentialTable(node!);
      return {
        ...base,
        family: 'dsp',
        template: 'dsp/softmax-tflite',
        view: { ...base.view, cut: table.length < 256, last: table.length - 1 },
        arguments: [...base.arguments, { kind: 'constant', name: 'exponentials', data: table }],
        scalars: ['tfliteSoftmaxReciprocal'],
      };
    },
  };
}
