/** Clamp to [min, max] that could not be fused behind an operator. */
import { numberAttribute, shapeError } from './attributes.js';
import { defineOperator } from './definition.js';
import { applyActivation, commonType, expectInputs, sampled } from './float-tensors.js';

export const clamp = defineOperator({
  name: 'clamp',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      const [min, max] = [numberAttribute(node, 'min'), numberAttribute(node, 'max')];
      if (min > max) throw shapeError(node, `min ${min} is above max ${max}`);
      return [inputs[0]!.shape];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate: (node, context) => [applyActivation(sampled(context, 0), { min: numberAttribute(node, 'min'), max: numberAttribute(node, 'max') })],
  },
});
