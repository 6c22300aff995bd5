/** dense without multiplication: lists of inputs that are added or subtracted, row by row. */
import { elementCount } from '../../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../../graph/integer.js';
import type { Kernel, KernelInstance } from '../kernel.js';
import { linearTensors } from '../linear/integer.js';
import { rowSums } from '../linear/kernels.js';
import { cType, signedTerm, typeName } from '../views.js';
import { listRequantize } from './requantize.js';
import { weightStream, WORD_ROOM } from './stream.js';

function constantsOf(node: IntegerNode, graph: IntegerGraph) {
  const t = linearTensors(node, graph);
  return { t, requantize: listRequantize(node, t, rowSums(t.weightCodes, t.weights.shape[0]!)) };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { t, requantize } = constantsOf(node, graph);
  const { places, bias, folded, zeroPoint } = requantize!;
  const [channels, depth] = t.weights.shape as [number, number];
  const [clampMin, clampMax] = node.requantize!.clamp;
  return {
    family: 'shift',
    template: 'shift/dense',
    stem: `dense_${typeName(t.x.type)}_shift`,
    view: { inputType: cType(t.x.type), outputType: cType(t.y.type), folded, zeroPointTerm: signedTerm(zeroPoint), clampMin, clampMax },
    arguments: [
      { kind: 'input', tensor: node.inputs[0]! },
      { kind: 'output', tensor: node.outputs[0]! },
      { kind: 'constant', name: 'weights', data: weightStream(t.weightCodes, places, WORD_ROOM) },
      { kind: 'constant', name: 'bias', data: bias },
      { kind: 'constant', name: 'shape', data: Int32Array.of(elementCount(t.x.shape) / depth, depth, channels) },
    ],
    scratchBytes: 0,
    scalars: folded ? ['clamp'] : ['shiftHalfUp', 'clamp'],
  };
}

export const shiftDense: Kernel = {
  family: 'shift',
  when: ({ graph, group }) => constantsOf(group[0]!, graph).requantize !== null,
  instantiate: ({ graph, group }) => instantiate(group[0]!, graph),
};
