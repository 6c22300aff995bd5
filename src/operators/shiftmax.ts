/** Softmax of I-ViT: exponentials by shifts, shares by subtraction; no multiplication, no division, no table. Integer only. */
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import { typeRange } from '../graph/lanes.js';
import { axisAttribute, integerAttribute } from './attributes.js';
import { defineOperator } from './definition.js';
import { checkInteger, expectShape, integerGraphError, nodeTensors } from './integer-checks.js';
import { dspSoftmaxTable } from './dsp/softmax-table.js';
import type { KernelInstance } from './kernel.js';
import { mveSoftmaxQuotient } from './mve/softmax.js';
import { verifyActivationType } from './linear/integer.js';
import { shiftShiftmax } from './shift/rewritten.js';
import { shiftUnitOf, verifyShiftUnit } from './shift-unit.js';
import { cType, signedTerm, typeName } from './views.js';

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1);
  expectShape(node, output, inputs[0]!.shape);
  for (const tensor of [inputs[0]!, output]) {
    verifyActivationType(node, tensor);
    if (tensor.type.bits > 16) throw integerGraphError(node, 'takes and writes codes of at most 16 bits');
  }
  checkInteger(node, () => axisAttribute(node, 'axis', output.shape.length));
  verifyShiftUnit(node);
  integerAttribute(node, 'outputZeroPoint');
}

/** The accumulator is the sum of exponentials: at least the largest code's own. */
function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const { output } = nodeTensors(node, graph, 1);
  const one = integerAttribute(node, 'unit') * 2 ** integerAttribute(node, 'exponentBits');
  return { accumulator: [[one, one * output.shape[axisAttribute(node, 'axis', output.shape.length)]!]], accumulatorBits: 32 };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const axis = axisAttribute(node, 'axis', output.shape.length);
  const stride = elementCount(output.shape.slice(axis + 1));
  const depth = output.shape[axis]!;
  const [low, high] = typeRange(output.type);
  return {
    family: 'portable',
    template: 'shiftmax',
    stem: `shiftmax_${typeName(inputs[0]!.type)}`,
    view: {
      inputType: cType(inputs[0]!.type),
      outputType: cType(output.type),
      outer: elementCount(output.shape.slice(0, axis)),
      stride,
      isStrided: stride > 1,
      depth,
      rowElements: depth * stride,
      ...shiftUnitOf(node),
      zeroPointTerm: signedTerm(integerAttribute(node, 'outputZeroPoint')),
      low,
      high,
    },
    arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }, { kind: 'scratch' }],
    scratchBytes: 4 * depth,
    scalars: ['shiftDistance', 'shiftExponential', 'shiftShare', 'clamp'],
  };
}

export const shiftmax = defineOperator({
  name: 'shiftmax',
  integer: { verify, bounds, kernels: [shiftShiftmax(instantiate), mveSoftmaxQuotient(instantiate), dspSoftmaxTable(instantiate), { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }] },
});
