/** x·sigmoid(c·x) by shifts: GELU and SiLU of I-ViT, made pointwise. Integer only. */
import { elementCount } from '../graph/float.js';
import type { AccumulatorBounds, IntegerGraph, IntegerNode } from '../graph/integer.js';
import { integerAttribute } from './attributes.js';
import { inPlaceInputs } from './binary.js';
import { defineOperator } from './definition.js';
import { expectPerTensor, expectShape, integerGraphError, nodeTensors, scaledInterval } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import { shiftShiftGate } from './shift/rewritten.js';
import { gateTables } from './shift-gate-table.js';
import { shiftUnitOf, verifyShiftUnit } from './shift-unit.js';
import { cType, requantizeScalars, requantizeView, signedTerm, typeName } from './views.js';

function verify(node: IntegerNode, graph: IntegerGraph): void {
  const { inputs, output } = nodeTensors(node, graph, 1);
  expectShape(node, output, inputs[0]!.shape);
  for (const tensor of [inputs[0]!, output]) verifyActivationType(node, tensor);
  if (inputs[0]!.type.bits > 16) throw integerGraphError(node, 'takes codes of at most 16 bits');
  integerAttribute(node, 'inputZeroPoint');
  verifyShiftUnit(node);
  expectPerTensor(node, output);
}

/** The code times a sigmoid between 0 and 1. */
function bounds(node: IntegerNode, graph: IntegerGraph): AccumulatorBounds {
  const x = nodeTensors(node, graph, 1).inputs[0]!;
  const [low, high] = scaledInterval(x.codeRange, integerAttribute(node, 'inputZeroPoint'), 2 ** integerAttribute(node, 'fractionBits'));
  return { accumulator: [[Math.min(0, low), Math.max(0, high)]], accumulatorBits: 32 };
}

function instantiate(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const unit = shiftUnitOf(node);
  return {
    family: 'portable',
    template: 'shift-gate',
    stem: `shift_gate_${typeName(inputs[0]!.type)}`,
    view: {
      inputType: cType(inputs[0]!.type),
      outputType: cType(output.type),
      count: elementCount(output.shape),
      offset: signedTerm(-integerAttribute(node, 'inputZeroPoint')),
      ...unit,
      one: unit.unit * 2 ** unit.exponentBits,
      requantize: requantizeView(node.requantize!, node.bounds),
    },
    arguments: [{ kind: 'input', tensor: inputs[0]!.id }, { kind: 'output', tensor: output.id }],
    scratchBytes: 0,
    scalars: ['shiftDistance', 'shiftExponential', 'shiftShare', ...requantizeScalars(node.requantize!, node.bounds)],
    inPlace: inPlaceInputs(node, graph),
  };
}

export const shiftGate = defineOperator({
  name: 'shift-gate',
  integer: { verify, bounds, kernels: [shiftShiftGate(instantiate), ...gateTables, { family: 'portable', when: () => true, instantiate: ({ graph, group }) => instantiate(group[0]!, graph) }] },
});
