/** Reorders axes: axis i of the output is axis permutation[i] of the input (per sample). */
import { tf } from '../tensor/index.js';
import { integersAttribute, shapeError, type AttributedNode } from './attributes.js';
import { lowerCopy } from './codes.js';
import { copyInstance, verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled } from './float-tensors.js';
import { checkInteger, nodeTensors } from './integer-checks.js';
import { rowMajorStrides } from './loop-nest.js';

function permutationOf(node: AttributedNode, rank: number): readonly number[] {
  const permutation = integersAttribute(node, 'permutation', rank);
  if (![...permutation].sort((a, b) => a - b).every((p, i) => p === i)) throw shapeError(node, `[${permutation.join(', ')}] is no permutation of ${rank} axes`);
  return permutation;
}

export const transpose = defineOperator({
  name: 'transpose',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      const { shape } = inputs[0]!;
      return [permutationOf(node, shape.length).map((p) => shape[p]!)];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const x = sampled(context, 0);
      return [tf.transpose(x, [0, ...permutationOf(node, x.rank - 1).map((p) => p + 1)])];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower: (node, context) => lowerCopy(node, context),
  },
  integer: {
    verify(node, graph) {
      const { shape } = nodeTensors(node, graph, 1).inputs[0]!;
      verifyCopy(node, graph, checkInteger(node, () => permutationOf(node, shape.length)).map((p) => shape[p]!));
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { shape } = nodeTensors(node!, graph, 1).inputs[0]!;
          const strides = rowMajorStrides(shape);
          const axes = permutationOf(node!, shape.length).map((p) => ({ size: shape[p]!, stride: strides[p]! }));
          return copyInstance('transpose', node!, graph, { base: 0, axes });
        },
      },
    ],
  },
});
