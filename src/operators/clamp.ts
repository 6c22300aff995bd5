/** Clamp to [min, max] that could not be fused behind an operator. On integers a clamp of codes, or a requantization that clamps. */
import { elementCount } from '../graph/float.js';
import { numberAttribute, shapeError } from './attributes.js';
import { inPlaceInputs } from './binary.js';
import { emitRequantize, samePlan } from './codes.js';
import { defineOperator } from './definition.js';
import { applyActivation, commonType, expectInputs, sampled } from './float-tensors.js';
import { clampAttribute, expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import { cType, typeName } from './views.js';

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
    lower(node, context) {
      const own = context.activation(node.inputs[0]!);
      const plan = context.activation(node.outputs[0]!);
      const range = { min: numberAttribute(node, 'min'), max: numberAttribute(node, 'max') };
      const input = context.integer(node.inputs[0]!).id;
      const output = context.output(node.outputs[0]!).id;
      if (!samePlan(own, plan)) return emitRequantize(context, node, input, own, output, plan, range);
      const codes = context.requantize([own.scale], plan, range).clamp;
      context.emit({ op: 'clamp', inputs: [input], outputs: [output], attributes: { clamp: codes }, from: node });
    },
  },
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1);
      expectShape(node, output, inputs[0]!.shape);
      clampAttribute(node, output);
      if (cType(inputs[0]!.type) !== cType(output.type)) throw integerGraphError(node, 'input and output must have the same type');
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { inputs, output } = nodeTensors(node!, graph, 1);
          const [low, high] = clampAttribute(node!, output);
          return {
            family: 'portable',
            template: 'clamp',
            stem: `clamp_${typeName(output.type)}`,
            view: { type: cType(output.type), count: elementCount(output.shape), low, high },
            arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }],
            scratchBytes: 0,
            scalars: ['clamp'],
            inPlace: inPlaceInputs(node!, graph),
          };
        },
      },
    ],
  },
});
