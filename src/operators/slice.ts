/** A regular sub-box: on every axis `sizes` elements from `starts` on, `steps` apart (a step may be negative). */
import { tf } from '../tensor/index.js';
import { integersAttribute, shapeError, type AttributedNode } from './attributes.js';
import { lowerCopy } from './codes.js';
import { copyInstance, verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled, takeAll } from './float-tensors.js';
import { checkInteger, nodeTensors } from './integer-checks.js';
import { rowMajorStrides } from './loop-nest.js';

interface SliceBox {
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly steps: readonly number[];
}

function sliceBox(node: AttributedNode, rank: number): SliceBox {
  return { starts: integersAttribute(node, 'starts', rank), sizes: integersAttribute(node, 'sizes', rank), steps: integersAttribute(node, 'steps', rank) };
}

/** Throws where an element of the box lies outside the input. */
function checkBox(node: AttributedNode, shape: readonly number[], { starts, sizes, steps }: SliceBox): void {
  shape.forEach((d, i) => {
    const last = starts[i]! + (sizes[i]! - 1) * steps[i]!;
    if (sizes[i]! < 1 || steps[i] === 0 || starts[i]! < 0 || starts[i]! >= d || last < 0 || last >= d) {
      throw shapeError(node, `axis ${i} of ${d} elements has no ${sizes[i]} elements from ${starts[i]} on with step ${steps[i]}`);
    }
  });
}

export const slice = defineOperator({
  name: 'slice',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      const box = sliceBox(node, inputs[0]!.shape.length);
      checkBox(node, inputs[0]!.shape, box);
      return [box.sizes];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const x = sampled(context, 0);
      const { starts, sizes, steps } = sliceBox(node, x.rank - 1);
      if (steps.every((s) => s === 1)) return [tf.slice(x, [0, ...starts], [x.shape[0]!, ...sizes])];
      return [takeAll(x, sizes.map((size, axis) => Array.from({ length: size }, (_, i) => starts[axis]! + i * steps[axis]!)))];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower: (node, context) => lowerCopy(node, context),
  },
  integer: {
    verify(node, graph) {
      const { shape } = nodeTensors(node, graph, 1).inputs[0]!;
      const box = checkInteger(node, () => sliceBox(node, shape.length));
      checkInteger(node, () => checkBox(node, shape, box));
      verifyCopy(node, graph, box.sizes);
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { shape } = nodeTensors(node!, graph, 1).inputs[0]!;
          const { starts, sizes, steps } = sliceBox(node!, shape.length);
          const strides = rowMajorStrides(shape);
          const base = starts.reduce((sum, start, i) => sum + start * strides[i]!, 0);
          return copyInstance('slice', node!, graph, { base, axes: sizes.map((size, i) => ({ size, stride: steps[i]! * strides[i]! })) });
        },
      },
    ],
  },
});
