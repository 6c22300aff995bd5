/** Adds elements around a tensor: a constant, the mirror image without the edge (reflect), or the edge itself. */
import { elementCount } from '../graph/float.js';
import type { IntegerGraph, IntegerNode } from '../graph/integer.js';
import { laneBytes } from '../graph/integer.js';
import { tf } from '../tensor/index.js';
import { integerAttribute, numberAttribute, shapeError, stringAttribute, type AttributedNode } from './attributes.js';
import { codeOf, lowerCopy } from './codes.js';
import { copyInstance, verifyCopy } from './copy-kernel.js';
import { defineOperator } from './definition.js';
import { commonType, expectInputs, sampled, takeAll } from './float-tensors.js';
import { checkInteger, integerGraphError, nodeTensors } from './integer-checks.js';
import type { KernelInstance } from './kernel.js';
import { collapseAxes, nestView, rowMajorStrides } from './loop-nest.js';
import { cType, typeName } from './views.js';

const modes = ['constant', 'reflect', 'edge'] as const;
type Amounts = readonly (readonly [number, number])[];

function padAmounts(node: AttributedNode, rank: number): Amounts {
  const value = node.attributes['amounts'];
  const isPair = (p: unknown): boolean => Array.isArray(p) && p.length === 2 && p.every((n) => Number.isInteger(n) && n >= 0);
  if (!Array.isArray(value) || value.length !== rank || !value.every(isPair)) {
    throw shapeError(node, `attribute 'amounts' must be ${rank} pairs of integers ≥ 0, it is ${JSON.stringify(value)}`);
  }
  return value as unknown as Amounts;
}

/** For every element of the padded axis the element of the input it copies. */
function sourceIndices(size: number, [before, after]: readonly [number, number], mode: 'reflect' | 'edge'): readonly number[] {
  return Array.from({ length: before + size + after }, (_, o) => {
    const i = o - before;
    if (mode === 'edge') return Math.min(Math.max(i, 0), size - 1);
    const reflected = Math.abs(i);
    return reflected < size ? reflected : 2 * (size - 1) - reflected;
  });
}

/** Shape behind the padding; throws where a reflection is larger than what it reflects. */
function paddedShape(node: AttributedNode, shape: readonly number[]): readonly number[] {
  const amounts = padAmounts(node, shape.length);
  const isReflect = stringAttribute(node, 'mode', modes) === 'reflect';
  if (isReflect && amounts.some(([before, after], i) => before >= shape[i]! || after >= shape[i]!)) {
    throw shapeError(node, `reflect padding must be smaller than the axis: [${shape.join(', ')}] by ${JSON.stringify(amounts)}`);
  }
  return shape.map((d, i) => amounts[i]![0] + d + amounts[i]![1]);
}

/** The output filled with the pad code, then the input copied into its middle. */
function constantInstance(node: IntegerNode, graph: IntegerGraph): KernelInstance {
  const { inputs, output } = nodeTensors(node, graph, 1);
  const { shape, id } = inputs[0]!;
  const amounts = padAmounts(node, shape.length);
  const strides = [rowMajorStrides(output.shape), rowMajorStrides(shape)];
  const axes = collapseAxes(shape.map((size, i) => ({ size, strides: strides.map((s) => s[i]!) })));
  const run = axes.at(-1)?.strides.every((s) => s === 1) ? axes.at(-1)!.size : 1;
  const base = amounts.reduce((sum, [before], i) => sum + before * strides[0]![i]!, 0);
  const bytes = laneBytes(output.type);
  const value = integerAttribute(node, 'value');
  return {
    family: 'portable',
    template: 'pad',
    stem: `pad_${typeName(output.type)}`,
    view: {
      type: cType(output.type),
      count: elementCount(output.shape),
      bytewise: bytes === 1,
      value,
      nest: nestView(run > 1 ? axes.slice(0, -1) : axes, [base, 0]),
      run,
      runBytes: run * bytes,
    },
    arguments: [{ kind: 'input', tensor: id }, { kind: 'output', tensor: output.id }],
    scratchBytes: 0,
    scalars: [],
  };
}

function copyingInstance(node: IntegerNode, graph: IntegerGraph, mode: 'reflect' | 'edge'): KernelInstance {
  const { shape } = nodeTensors(node, graph, 1).inputs[0]!;
  const strides = rowMajorStrides(shape);
  const axes = padAmounts(node, shape.length).map((pair, i) => {
    const offsets = sourceIndices(shape[i]!, pair, mode).map((index) => index * strides[i]!);
    return { size: offsets.length, offsets };
  });
  return { ...copyInstance('pad', node, graph, { base: 0, axes }), template: 'pad-copy' };
}

export const pad = defineOperator({
  name: 'pad',
  float: {
    inferShapes(node, inputs) {
      expectInputs(node, inputs, 1);
      return [paddedShape(node, inputs[0]!.shape)];
    },
    outputType: (_node, inputs) => commonType(inputs),
    evaluate(node, context) {
      const x = sampled(context, 0);
      const amounts = padAmounts(node, x.rank - 1);
      const mode = stringAttribute(node, 'mode', modes);
      if (mode === 'constant') return [tf.pad(x, [[0, 0], ...amounts.map(([b, a]): [number, number] => [b, a])], numberAttribute(node, 'value'))];
      return [takeAll(x, amounts.map((pair, axis) => sourceIndices(x.shape[axis + 1]!, pair, mode)))];
    },
    scaleRule: (node) => (stringAttribute(node, 'mode', modes) === 'constant' && node.attributes['value'] !== 0 ? { kind: 'own' } : { kind: 'same', inputs: [0] }),
    lower(node, context) {
      const value = stringAttribute(node, 'mode', modes) === 'constant' ? numberAttribute(node, 'value') : 0;
      lowerCopy(node, context, { ...node.attributes, value: codeOf(value, context.activation(node.outputs[0]!)) });
    },
  },
  integer: {
    verify(node, graph) {
      const { inputs, output } = nodeTensors(node, graph, 1);
      verifyCopy(node, graph, checkInteger(node, () => paddedShape(node, inputs[0]!.shape)));
      const value = integerAttribute(node, 'value');
      if (value < output.codeRange[0] || value > output.codeRange[1]) throw integerGraphError(node, `pad code ${value} lies outside the codes of '${output.name}'`);
    },
    kernels: [
      {
        family: 'portable',
        when: () => true,
        instantiate({ graph, group: [node] }) {
          const mode = stringAttribute(node!, 'mode', modes);
          return mode === 'constant' ? constantInstance(node!, graph) : copyingInstance(node!, graph, mode);
        },
      },
    ],
  },
});
