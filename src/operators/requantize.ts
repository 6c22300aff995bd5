/** The same values at another scale. Integer only: lowering inserts it where an operator needs equal scales. */
import { elementCount } from '../graph/float.js';
import { integerAttribute } from './attributes.js';
import { inPlaceInputs } from './binary.js';
import { defineOperator } from './definition.js';
import { dspRequantize } from './dsp/elementwise.js';
import { expectPerTensor, expectShape, nodeTensors, scaledInterval } from './integer-checks.js';
import { verifyActivationType } from './linear/integer.js';
import { mveRequantize } from './mve/tables.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

export const requantize = defineOperator({
  name: 'requantize',
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1);
      expectShape(node, output, inputs[0]!.shape);
      verifyActivationType(node, inputs[0]!);
      verifyActivationType(node, output);
      integerAttribute(node, 'inputZeroPoint');
      expectPerTensor(node, output);
    },
    bounds(node, graph) {
      const { inputs } = nodeTensors(node, graph, 1);
      return { accumulator: [scaledInterval(inputs[0]!.codeRange, integerAttribute(node, 'inputZeroPoint'), 1)], accumulatorBits: 32 };
    },
    kernels: [
      mveRequantize,
      dspRequantize,
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const { inputs, output } = nodeTensors(node!, graph, 1);
          const view = {
            inputType: cType(inputs[0]!.type),
            outputType: cType(output.type),
            count: elementCount(output.shape),
            offset: signedTerm(-integerAttribute(node!, 'inputZeroPoint')),
            requantize: requantizeView(node!.requantize!, node!.bounds),
          };
          return {
            family: 'portable',
            template: 'requantize',
            stem: `requantize_${typeName(inputs[0]!.type)}_${typeName(output.type)}`,
            view,
            arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }],
            scratchBytes: 0,
            scalars: requantizeScalars(node!.requantize!, node!.bounds),
            inPlace: inPlaceInputs(node!, graph),
          };
        },
      },
    ],
  },
});
