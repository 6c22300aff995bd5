/** Maximum over windows; padding never wins. On integers the maximum of codes, at one scale. */
import { tf } from '../tensor/index.js';
import { activationAttribute } from './attributes.js';
import { cmsisMaxPool2d } from './cmsis-nn/pool.js';
import { atScale } from './codes.js';
import type { IntegerGraph, IntegerNode } from '../graph/integer.js';
import { defineOperator } from './definition.js';
import { dspMaxPool } from './dsp/pools.js';
import { applyActivation, expectInputs, sampled } from './float-tensors.js';
import { checkInteger, clampAttribute, expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { mveMaxPool } from './mve/pools.js';
import { poolGeometryView, poolShape, poolWindow } from './pool-window.js';
import { shiftMaxPool } from './shift/pools.js';
import { cType, typeName } from './views.js';

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const [low, high] = clampAttribute(node, output);
  const isClamped = low > inputs[0]!.codeRange[0] || high < inputs[0]!.codeRange[1];
  return {
    family: 'portable',
    template: 'max-pool2d',
    stem: `max_pool2d_${typeName(output.type)}`,
    view: { type: cType(output.type), ...poolGeometryView(node, inputs[0]!.shape, output.shape), isClamped, low, high },
    arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }],
    scratchBytes: 0,
    scalars: isClamped ? ['clamp'] : [],
  };
}

export const maxPool2d = defineOperator({
  name: 'max-pool2d',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      return [poolShape(node, inputs[0]!.shape)];
    },
    evaluate(node, context) {
      const { kernel, strides, pad } = poolWindow(node);
      const x = sampled(context, 0) as tf.Tensor4D;
      const padded = pad.some((p) => p > 0) ? tf.pad(x, [[0, 0], [pad[0], pad[1]], [pad[2], pad[3]], [0, 0]], -Infinity) : x;
      // XNNPACK knows no pool of one pixel
      const pooled = kernel[0] * kernel[1] === 1
        ? tf.stridedSlice(padded, [0, 0, 0, 0], padded.shape, [1, ...strides, 1])
        : tf.maxPool(padded as tf.Tensor4D, [...kernel], [...strides], 'valid');
      return [applyActivation(pooled, activationAttribute(node))];
    },
    scaleRule: () => ({ kind: 'same', inputs: [0] }),
    lower(node, context) {
      const plan = context.activation(node.outputs[0]!);
      const input = atScale(context, node.inputs[0]!, plan, node);
      const { kernel, strides, pad } = poolWindow(node);
      const { clamp } = context.requantize([plan.scale], plan, activationAttribute(node) ?? undefined);
      context.emit({ op: 'max-pool2d', inputs: [input], outputs: [context.output(node.outputs[0]!).id], attributes: { kernel, strides, pad, clamp }, from: node });
    },
  },
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1);
      expectShape(node, output, checkInteger(node, () => poolShape(node, inputs[0]!.shape)));
      if (cType(inputs[0]!.type) !== cType(output.type)) throw integerGraphError(node, 'input and output must have the same type');
      clampAttribute(node, output);
    },
    kernels: [
      shiftMaxPool(instantiate),
      mveMaxPool,
      dspMaxPool(instantiate),
      cmsisMaxPool2d,
      {
        family: 'portable',
        when: () => true,
        instantiate: ({ graph, group }) => instantiate(group[0]!, graph),
      },
    ],
  },
});
