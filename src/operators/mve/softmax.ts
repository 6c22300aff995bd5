/** Softmax along the last axis on Helium: gathered exponentials, four classes at a time, in both forms of src/operators/softmax.ts. */
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import { integerTensor } from '../../graph/integer.js';
import { integerAttribute } from '../attributes.js';
import { exponentialTable, MOST_SUM } from '../dsp/softmax.js';
import type { Kernel, KernelInstance } from '../kernel.js';

/** 2·Σ below 2^24, so that it divides 32 bits a byte at a time: 256 exponentials of 2^15 at most. */
const MOST_DEPTH = 255;

type Portable = (node: IntegerNode, graph: IntegerGraph) => KernelInstance;

function isLastAxis(node: IntegerNode, graph: IntegerGraph): boolean {
  const x = integerTensor(graph, node.inputs[0]!);
  return x.shape.slice(integerAttribute(node, 'axis') + 1).every((size) => size === 1) && integerAttribute(node, 'axis') >= 0;
}

/** `portable` is the instance whose view and arguments are kept. */
export function mveSoftmax(portable: Portable): readonly Kernel[] {
  const tflite: Kernel = {
    family: 'mve',
    when({ features, graph, group: [node] }) {
      const most = node!.bounds?.accumulator[0]?.[1] ?? Infinity;
      return features.mve && node!.attributes['variant'] === 'tflite' && most < MOST_SUM && isLastAxis(node!, graph);
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const table = exponentialTable(node!);
      return {
        ...base,
        family: 'mve',
        template: 'mve/softmax-tflite',
        stem: `${base.stem}_mve`,
        view: { ...base.view, lane: integerTensor(graph, node!.inputs[0]!).type.signed ? 's' : 'u', cut: table.length < 256, last: table.length - 1 },
        arguments: [...base.arguments, { kind: 'constant', name: 'exponentials', data: table }],
        scalars: ['tfliteSoftmaxReciprocal'],
      };
    },
  };
  const dyadic: Kernel = {
    family: 'mve',
    when({ features, graph, group: [node] }) {
      const depth = integerTensor(graph, node!.inputs[0]!).shape.at(-1) ?? 1;
      return features.mve && node!.attributes['variant'] === 'dyadic' && node!.attributes['twin'] === undefined && depth <= MOST_DEPTH && isLastAxis(node!, graph);
    },
    instantiate({ graph, group: [node] }) {
      const base = portable(node!, graph);
      const zeroPoint = integerAttribute(node!, 'outputZeroPoint');
      return {
        ...base,
        family: 'mve',
        template: 'mve/softmax',
        stem: `${base.stem}_mve`,
        view: { ...base.view, lane: integerTensor(graph, node!.inputs[0]!).type.signed ? 's' : 'u', zeroPoint, twiceSteps: 2 * integerAttribute(node!, 'steps') },
        scalars: ['clz32'],
      };
    },
  };
  return [tflite, dyadic];
}
