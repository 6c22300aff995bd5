/** What element-wise integer operators of two operands share: shapes, verification, the loop nest of the portable kernel. */
import type { IntegerGraph, IntegerNode, IntegerTensor } from '../graph/integer.js';
import { integerTensor } from '../graph/integer.js';
import { checkInteger, expectPerTensor, expectShape, nodeTensors } from './integer-checks.js';
import { broadcastShapes } from './float-tensors.js';
import type { Kernel, KernelArgument } from './kernel.js';
import { verifyActivationType } from './linear/integer.js';
import { broadcastStrides, collapseAxes, nestView, type NestView } from './loop-nest.js';
import { cType, requantizeView, typeName, type RequantizeView } from './views.js';

export interface BinaryTensors {
  readonly inputs: readonly [IntegerTensor, IntegerTensor];
  readonly output: IntegerTensor;
}

export function binaryTensors(node: IntegerNode, graph: IntegerGraph): BinaryTensors {
  const { inputs, output } = nodeTensors(node, graph, 2);
  return { inputs: inputs as readonly [IntegerTensor, IntegerTensor], output };
}

export function verifyBinary(node: IntegerNode, graph: IntegerGraph): BinaryTensors {
  const tensors = binaryTensors(node, graph);
  const { inputs, output } = tensors;
  expectShape(node, output, checkInteger(node, () => broadcastShapes(node, inputs[0].shape, inputs[1].shape)));
  for (const tensor of [...inputs, output]) verifyActivationType(node, tensor);
  expectPerTensor(node, output);
  return tensors;
}

export interface BinaryView {
  readonly aType: string;
  readonly bType: string;
  readonly outputType: string;
  readonly nest: NestView;
  readonly requantize: RequantizeView;
}

/** The portable kernel; `complete` adds the operator's own fields, scalars and variant of the name. */
export function binaryKernel(op: string, complete: (node: IntegerNode, view: BinaryView) => { readonly view: object; readonly scalars: readonly string[]; readonly variant: string }): Kernel {
  return {
    family: 'portable',
    when: () => true,
    instantiate({ graph, group }) {
      const node = group[0]!;
      const { inputs, output } = binaryTensors(node, graph);
      const strides = inputs.map((t) => broadcastStrides(t.shape, output.shape));
      const axes = collapseAxes(output.shape.map((size, i) => ({ size, strides: strides.map((s) => s[i]!) })));
      const { view, scalars, variant } = complete(node, {
        aType: cType(inputs[0].type),
        bType: cType(inputs[1].type),
        outputType: cType(output.type),
        nest: nestView(axes, [0, 0]),
        requantize: requantizeView(node.requantize!, node.bounds),
      });
      const args: KernelArgument[] = [...node.inputs.map((tensor) => ({ kind: 'input', tensor }) as const), { kind: 'output', tensor: output.id }];
      return {
        family: 'portable',
        template: op,
        stem: `${op}_${typeName(inputs[0].type)}_${typeName(inputs[1].type)}${variant}`,
        view,
        arguments: args,
        scratchBytes: 0,
        scalars,
        inPlace: inPlaceInputs(node, graph),
      };
    },
  };
}

/** Inputs that the output may overwrite: activations of its shape and lane. */
export function inPlaceInputs(node: IntegerNode, graph: IntegerGraph): readonly number[] {
  const output = integerTensor(graph, node.outputs[0]!);
  return node.inputs.flatMap((id, i) => {
    const input = integerTensor(graph, id);
    const same = !input.constant && cType(input.type).replace('u', '') === cType(output.type).replace('u', '') && input.shape.join() === output.shape.join();
    return same ? [i] : [];
  });
}
